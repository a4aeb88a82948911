"""The pack, the folder that ships, and the model in the forms other builds take."""

from __future__ import annotations

from edgepack.pack.archive import zip_bytes, zip_pack
from edgepack.pack.deliveries.c_array import export_c_array
from edgepack.pack.golden import Golden, GoldenInputs, GoldenTensor, choose_golden_inputs
from edgepack.pack.manifest import PackInfo
from edgepack.pack.read import check_pack, read_pack
from edgepack.pack.write import Pack, write_pack

__all__ = [
    "Golden",
    "GoldenInputs",
    "GoldenTensor",
    "Pack",
    "PackInfo",
    "check_pack",
    "choose_golden_inputs",
    "export_c_array",
    "read_pack",
    "write_pack",
    "zip_bytes",
    "zip_pack",
]
