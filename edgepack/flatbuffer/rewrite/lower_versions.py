"""A .tflite with lower operator versions: for interpreters whose kernels can do more than they are registered for."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from edgepack.flatbuffer.binary import FlatFile
from edgepack.flatbuffer.schema import enumeration


def lower_versions(data: bytes, most: Mapping[str, tuple[int, int]]) -> bytes:
    """The file `data` with each operator of `most` (registered up to, able up to) at the first where it is at most the second.

    An operator's version says which types and options a converter used; it has no other effect. Only versions are overwritten,
    so the file keeps its size and layout; it is the same bytes when nothing was to be lowered.
    """
    file, content = FlatFile(data), bytearray(data)
    names = enumeration("BuiltinOperator")
    for table in file.table(file.u32(0), "Model").children("operator_codes"):
        name = names.get(max(table.number("deprecated_builtin_code"), table.number("builtin_code")), "")
        registered, able = most.get(name, (0, 0))
        at = table.at("version")
        if at is not None and registered < table.number("version") <= able:
            struct.pack_into("<i", content, at, registered)
    return bytes(content)
