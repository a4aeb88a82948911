"""The software bill of materials of a pack or a delivery: sbom.cdx.json, CycloneDX 1.6.

It is written as plain JSON: cyclonedx-python-lib has no model cards, no data and no formulation. The tests hold it against that
library's strict validator.
"""

from __future__ import annotations

from edgepack.pack.sbom.delivery import delivery_sbom
from edgepack.pack.sbom.document import NAME
from edgepack.pack.sbom.pack import pack_sbom
from edgepack.pack.sbom.parts import Part

__all__ = ["NAME", "Part", "delivery_sbom", "pack_sbom"]
