"""A metadata entry added to a .tflite without touching what is there.

References in a flatbuffer count forwards, and so does nothing in the file change when a new root table is put in front of it:
that table refers to the old file's parts, to a new list of its buffers with one more, and to a new list of its metadata.
The weights keep their bytes and their alignment, and what is shipped with a description is the file that was measured.
"""

from __future__ import annotations

import struct

from edgepack.flatbuffer.binary import FlatFile, Table
from edgepack.ground.errors import ModelError

_ALIGNMENT = 64  # a multiple of what any buffer asks for
# The fields of the table Model in TFLite's schema.fbs, in order; each but the version refers to something.
_FIELDS = ("version", "operator_codes", "subgraphs", "description", "buffers", "metadata_buffer", "metadata", "signature_defs")


def insert_metadata(model: bytes, name: str, content: bytes) -> bytes:
    """The file with `content` as the metadata entry `name`, in place of one of that name.

    Raises:
        ModelError: EP-204 for a file whose buffers lie outside the flatbuffer, as those beyond 2 GB do; what `read_model` says
            of a damaged one.
    """
    file = FlatFile(model)
    root = file.table(file.u32(0), "Model")
    buffers = root.children("buffers")
    if any(buffer.number("offset") > 1 for buffer in buffers):
        raise ModelError("EP-204", "the model's weights lie behind its flatbuffer", "metadata cannot be added to it")
    entries = [entry for entry in root.children("metadata") if entry.text("name") != name]

    # Everything new, in order: root, list of buffers, list of metadata, metadata entry, its name, buffer, its content.
    encoded = name.encode()
    buffers_at = 64
    entries_at = buffers_at + 4 + 4 * (len(buffers) + 1)
    entry_at = entries_at + 4 + 4 * (len(entries) + 1) + 8
    name_at = entry_at + 12
    buffer_at = name_at + 4 * (1 + len(encoded) // 4 + 1) + 8
    content_at = -(-(buffer_at + 8 + 4) // 16) * 16 - 4
    shift = -(-(content_at + 4 + len(content)) // _ALIGNMENT) * _ALIGNMENT

    front = bytearray(shift)
    struct.pack_into("<I4s", front, 0, 28, b"TFL3")
    struct.pack_into("<HH8H", front, 8, 4 + 2 * len(_FIELDS), 36, *(4 + 4 * index for index in range(len(_FIELDS))))
    struct.pack_into("<i", front, 28, 20)
    struct.pack_into("<I", front, 32, root.number("version"))
    for index, field in enumerate(_FIELDS[1:], start=1):
        at = 32 + 4 * index
        target = {"buffers": buffers_at, "metadata": entries_at}.get(field) or _target(root, field, shift)
        if target:
            struct.pack_into("<I", front, at, target - at)
        else:
            struct.pack_into("<H", front, 12 + 2 * index, 0)
    _put_list(front, buffers_at, [*(shift + table.position for table in buffers), buffer_at])
    _put_list(front, entries_at, [*(shift + table.position for table in entries), entry_at])
    struct.pack_into("<HHHHiII", front, entry_at - 8, 8, 12, 4, 8, 8, name_at - (entry_at + 4), len(buffers))
    struct.pack_into(f"<I{len(encoded)}s", front, name_at, len(encoded), encoded)
    struct.pack_into("<HHHHiI", front, buffer_at - 8, 6, 8, 4, 0, 8, content_at - (buffer_at + 4))
    struct.pack_into(f"<I{len(content)}s", front, content_at, len(content), content)
    return bytes(front) + model


def _target(root: Table, field: str, shift: int) -> int:
    """Where the list or text that a field refers to is in the new file, 0 when the field is absent."""
    at = root.at(field)
    if at is None:
        return 0
    first, _ = root.file.vector(at, 1)
    return shift + first - 4


def _put_list(front: bytearray, at: int, targets: list[int]) -> None:
    places = [at + 4 + 4 * index for index in range(len(targets))]
    relative = [target - place for target, place in zip(targets, places, strict=True)]
    struct.pack_into(f"<{len(targets) + 1}I", front, at, len(targets), *relative)
