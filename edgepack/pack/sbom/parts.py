"""Packages as components: what they are called, under which licence they come, and what files they bring."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import Any

_SPDX = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "mit license": "MIT",
}
"""SPDX identifiers of what packages wrote before there was a field for them."""

_UNSAID = {"numpy": "BSD-3-Clause", "tflite-micro": "Apache-2.0"}
"""Licences of packages whose metadata name none, or none in particular."""

_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*")


@dataclass(frozen=True)
class Part:
    """Something of others that goes along or has to be there: a package of PyPI unless `purl` says otherwise.

    `licence` is an SPDX expression, empty where it is not known. `files` are what it comes in, by name, with their SHA-256.
    `required` is false for what goes along only where a device has none of its own.
    """

    name: str
    version: str
    licence: str = ""
    about: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    required: bool = True
    purl: str = ""

    def component(self) -> dict[str, Any]:
        """It in CycloneDX."""
        return {
            "type": "library",
            "bom-ref": f"{self.name}@{self.version}" if self.version else self.name,
            "name": self.name,
            **({"version": self.version} if self.version else {}),
            **({"description": self.about} if self.about else {}),
            "scope": "required" if self.required else "optional",
            **licences(self.licence),
            **({"purl": self.purl or _purl(self.name, self.version)} if self.purl or self.version else {}),
            **({"components": files(self.files)} if self.files else {}),
        }


def tools(names: Iterable[str]) -> list[dict[str, Any]]:
    """The installed ones among packages, as the tools that made something."""
    return [found for name in sorted(set(names)) if (found := _installed(name)) is not None]


@cache
def _installed(name: str) -> dict[str, Any] | None:
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    part = Part(name, found.version, _licence(found))
    return {key: value for key, value in part.component().items() if key not in ("bom-ref", "scope")}


def _licence(package: metadata.Distribution) -> str:
    """An SPDX expression from a package's metadata, empty where they hold none that is certain."""
    known = package.metadata
    for expression in known.get_all("License-Expression") or []:
        return str(expression)
    classified = [line for line in known.get_all("Classifier") or [] if line.startswith("License ::")]
    written = [*(known.get_all("License") or []), *(line.rpartition(" :: ")[2] for line in classified)]
    return next((_SPDX[text.lower()] for text in written if text.lower() in _SPDX), _UNSAID.get(known["Name"], ""))


def licences(expression: str) -> dict[str, Any]:
    """The key `licenses` of a component; none where the licence is not known."""
    return {"licenses": [{"expression": expression}]} if _EXPRESSION.fullmatch(expression) else {}


def files(hashes: Mapping[str, str]) -> list[dict[str, Any]]:
    """Files by their name, with their SHA-256."""
    return [{"type": "file", "name": name, **sha256(digest)} for name, digest in sorted(hashes.items())]


def sha256(digest: object) -> dict[str, Any]:
    """The key `hashes` of a component; none for what is no SHA-256."""
    right = isinstance(digest, str) and re.fullmatch(r"[0-9a-f]{64}", digest) is not None
    return {"hashes": [{"alg": "SHA-256", "content": digest}]} if right else {}


def _purl(name: str, version: str) -> str:
    """
    >>> _purl("tf_keras", "2.21.0")
    'pkg:pypi/tf-keras@2.21.0'
    """
    return f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
