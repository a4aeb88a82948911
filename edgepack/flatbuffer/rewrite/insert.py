"""A metadata entry added to a .tflite without touching what is there.

References in a flatbuffer count forwards, and so does nothing in the file change when a new root table is put in front of it:
that table refers to the old file's parts, to a new list of its buffers with one more, and to a new list of its metadata.
The weights keep their bytes and their alignment, which packing the file anew would not promise.
"""

from __future__ import annotations

import struct

from edgepack.ground.errors import ModelError

_ALIGNMENT = 64  # a multiple of what any buffer asks for
# Fields of the tables Model, Metadata and Buffer in TFLite's schema.fbs.
_FIELDS, _VERSION, _BUFFERS, _METADATA = 8, 0, 4, 6
_METADATA_NAME, _BUFFER_OFFSET = 0, 1
_REFERENCES = (1, 2, 3, 4, 5, 6, 7)  # every field of Model but the version


def insert_metadata(model: bytes, name: str, content: bytes) -> bytes:
    """The file with `content` as the metadata entry `name`, in place of one of that name.

    Raises:
        ModelError: EP-204 for a file whose buffers lie outside the flatbuffer, as those beyond 2 GB do.
    """
    old = _Reader(model)
    root = old.unsigned(0)
    fields = {field: at + old.unsigned(at) for field in _REFERENCES if (at := old.field(root, field))}
    version_at = old.field(root, _VERSION)
    buffers = old.references(fields[_BUFFERS])
    for table in buffers:
        at = old.field(table, _BUFFER_OFFSET)
        if at and struct.unpack_from("<Q", model, at)[0] > 1:
            raise ModelError("EP-204", "the model's weights lie behind its flatbuffer", "metadata cannot be added to it")
    entries = [one for one in (old.references(fields[_METADATA]) if _METADATA in fields else []) if old.name(one) != name]

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
    struct.pack_into("<HH8H", front, 8, 4 + 2 * _FIELDS, 36, *(4 + 4 * field for field in range(_FIELDS)))
    struct.pack_into("<i", front, 28, 20)
    struct.pack_into("<I", front, 32, old.unsigned(version_at) if version_at else 0)
    targets = {field: shift + at for field, at in fields.items()} | {_BUFFERS: buffers_at, _METADATA: entries_at}
    for field in _REFERENCES:
        if field in targets:
            at = 32 + 4 * field
            struct.pack_into("<I", front, at, targets[field] - at)
        else:
            struct.pack_into("<H", front, 12 + 2 * field, 0)
    _put_list(front, buffers_at, [*(shift + at for at in buffers), buffer_at])
    _put_list(front, entries_at, [*(shift + at for at in entries), entry_at])
    struct.pack_into("<HHHHiII", front, entry_at - 8, 8, 12, 4, 8, 8, name_at - (entry_at + 4), len(buffers))
    struct.pack_into(f"<I{len(encoded)}s", front, name_at, len(encoded), encoded)
    struct.pack_into("<HHHHiI", front, buffer_at - 8, 6, 8, 4, 0, 8, content_at - (buffer_at + 4))
    struct.pack_into(f"<I{len(content)}s", front, content_at, len(content), content)
    return bytes(front) + model


def _put_list(front: bytearray, at: int, targets: list[int]) -> None:
    places = [at + 4 + 4 * index for index in range(len(targets))]
    relative = [target - place for target, place in zip(targets, places, strict=True)]
    struct.pack_into(f"<{len(targets) + 1}I", front, at, len(targets), *relative)


class _Reader:
    """The few things read from a file that read_model has found right."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def unsigned(self, at: int) -> int:
        return int(struct.unpack_from("<I", self._data, at)[0])

    def field(self, table: int, field: int) -> int:
        """Where a table's field is, 0 when it has none."""
        vtable = table - int(struct.unpack_from("<i", self._data, table)[0])
        size = int(struct.unpack_from("<H", self._data, vtable)[0])
        place = 4 + 2 * field
        offset = int(struct.unpack_from("<H", self._data, vtable + place)[0]) if place < size else 0
        return table + offset if offset else 0

    def references(self, vector: int) -> list[int]:
        """What a list of references leads to."""
        places = [vector + 4 + 4 * index for index in range(self.unsigned(vector))]
        return [place + self.unsigned(place) for place in places]

    def name(self, entry: int) -> str:
        """A metadata entry's name."""
        at = self.field(entry, _METADATA_NAME)
        if not at:
            return ""
        start = at + self.unsigned(at)
        return self._data[start + 4 : start + 4 + self.unsigned(start)].decode("utf-8", "replace")
