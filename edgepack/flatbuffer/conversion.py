"""How TensorFlow's converter was asked to make a file: the metadata that it leaves in it.

The schema: tensorflow/compiler/mlir/lite/schema/conversion_metadata.fbs.
"""

from __future__ import annotations

import struct

from edgepack.flatbuffer.model import Model

KEY = "CONVERSION_METADATA"
MODES = {1001: "float16", 1002: "dynamic range", 1003: "full integer", 1004: "int16", 2000: "quantization-aware"}
MOST_MODES = 16


def optimization_modes(model: Model) -> frozenset[str]:
    """The quantizations of `MODES` that were asked for; empty where the file does not say so."""
    data = model.metadata.get(KEY, b"")
    try:
        root = _unsigned(data, 0)
        options = root + _field(data, root, 1)
        options += _unsigned(data, options)
        modes = options + _field(data, options, 0)
        modes += _unsigned(data, modes)
        count = min(_unsigned(data, modes), MOST_MODES)
        return frozenset(filter(None, map(MODES.get, struct.unpack_from(f"<{count}i", data, modes + 4))))
    except (struct.error, LookupError):
        return frozenset()


def _unsigned(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])


def _field(data: bytes, table: int, index: int) -> int:
    """The distance of a table's field from its beginning. Raises LookupError when it is absent."""
    if table < 0:
        raise LookupError
    vtable = table - struct.unpack_from("<i", data, table)[0]
    size = struct.unpack_from("<H", data, vtable)[0] if vtable >= 0 else 0
    offset = struct.unpack_from("<H", data, vtable + 4 + 2 * index)[0] if 6 + 2 * index <= size else 0
    if not offset:
        raise LookupError
    return int(offset)
