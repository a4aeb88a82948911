"""The document around the components, in bytes that follow from its content alone."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from edgepack.ground.files import canonical_json, hash_of

NAME = "sbom.cdx.json"

OWN_LICENCE = "Apache-2.0"
"""edgepack's own, and with it that of its kernels and runners."""


def document(
    subject: Mapping[str, Any],
    tools: Sequence[Mapping[str, Any]],
    components: Sequence[Mapping[str, Any]],
    more: Mapping[str, Any] | None = None,
) -> bytes:
    """sbom.cdx.json of `subject`, which consists of `components` and was made with `tools`; `more` are further top-level keys.

    It has no time, and its serial number is a UUID of version 5 (RFC 9562) of everything else in it: the same inputs give the
    same bytes.
    """
    content = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"bom-ref": "subject", **subject}, "tools": {"components": list(tools)}},
        "components": list(components),
        "dependencies": [{"ref": "subject", "dependsOn": [one["bom-ref"] for one in components if "bom-ref" in one]}],
        **(more or {}),
    }
    serial = uuid.uuid5(uuid.NAMESPACE_OID, hash_of(content))
    return canonical_json({**content, "serialNumber": f"urn:uuid:{serial}"})


def properties(values: Mapping[str, object]) -> dict[str, Any]:
    """The key `properties`, each below edgepack's own prefix; none without values."""
    rows = [{"name": f"edgepack:{name}", "value": str(value)} for name, value in sorted(values.items())]
    return {"properties": rows} if rows else {}
