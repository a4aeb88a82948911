"""FlatBuffers tables read with every offset checked against the file.

The format: https://flatbuffers.dev/internals/. A table starts with the signed distance back to its vtable; the vtable holds
its own size, the table's size and, for each field, the offset inside the table (0: absent).
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from edgepack.flatbuffer.model import Array
from edgepack.flatbuffer.schema import Field, fields
from edgepack.ground.errors import ModelError

DAMAGED_HINT = "the file is damaged or was not written by a TFLite converter; convert or copy it again"

MAX_STRUCTURE = 1 << 25
TABLE_COST = 28
"""Charged for each table beside its bytes, as even an empty one takes time."""

_STRUCTS = {code: struct.Struct("<" + code) for code in "?bBhHiIqQfd"}
_U16, _I32, _U32 = _STRUCTS["H"], _STRUCTS["i"], _STRUCTS["I"]
_DTYPES = {code: np.dtype(code).newbyteorder("<") for code in "?bBhHiIqQfd"}


def damaged(what: str) -> ModelError:
    """The error for a file whose structure points outside itself."""
    return ModelError("EP-202", f"the model file is damaged: {what}", DAMAGED_HINT)


class FlatFile:
    """A file's bytes, and how much may still be decoded from them.

    Honest writers store each table and vector once, so what is decoded adds up to less than the file. A file that points at
    the same bytes again and again would cost time and memory without bound; an allowance of four times its size ends that.
    Weights are not decoded and cost nothing. 32 MiB of structure, some twenty thousand operators, is the limit in any case.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self._allowance = min(4 * len(data) + 4096, MAX_STRUCTURE)
        self._vtables: dict[int, tuple[int, ...]] = {}

    def spend(self, count: int) -> None:
        """Account for `count` decoded bytes."""
        self._allowance -= count
        if self._allowance < 0:
            raise ModelError("EP-203", "the model file's tables overlap: it describes far more than it holds", DAMAGED_HINT)

    def u32(self, position: int) -> int:
        """The unsigned 32-bit number at `position`."""
        if position < 0 or position + 4 > self.size:
            raise damaged(f"an offset points to byte {position} of {self.size}")
        return int(_U32.unpack_from(self.data, position)[0])

    def table(self, position: int, kind: str) -> Table:
        """The table of schema type `kind` at `position`."""
        if position < 0 or position + 4 > self.size:
            raise damaged(f"a table is said to be at byte {position} of {self.size}")
        vtable = position - _I32.unpack_from(self.data, position)[0]
        slots = self._vtables.get(vtable)
        if slots is None:
            slots = self._vtables[vtable] = self._vtable(vtable)
        if position + slots[1] > self.size or slots[1] < 4:
            raise damaged(f"the {kind} table at byte {position} of {self.size} has an impossible size")
        self.spend(slots[1] + TABLE_COST)
        return Table(self, position, kind, slots)

    def _vtable(self, position: int) -> tuple[int, ...]:
        if position < 0 or position + 4 > self.size:
            raise damaged(f"a vtable is said to be at byte {position} of {self.size}")
        size = _U16.unpack_from(self.data, position)[0]
        if size < 4 or size % 2 or position + size > self.size:
            raise damaged(f"the vtable at byte {position} has the impossible size {size}")
        self.spend(size)
        return struct.unpack_from(f"<{size // 2}H", self.data, position)

    def vector(self, position: int, width: int) -> tuple[int, int]:
        """Start and element count of the vector that the offset at `position` points to; elements take `width` bytes."""
        start = position + self.u32(position)
        count = self.u32(start)
        if start + 4 + count * width > self.size:
            raise damaged(f"a list of {count} elements at byte {start} passes the end of the file at {self.size}")
        return start + 4, count


class Table:
    """A table of the file; fields are named as in the schema, in snake_case."""

    __slots__ = ("_fields", "_slots", "file", "kind", "position")

    def __init__(self, file: FlatFile, position: int, kind: str, slots: tuple[int, ...]) -> None:
        self.file = file
        self.position = position
        self.kind = kind
        self._slots = slots
        self._fields = fields(kind)

    def _locate(self, field: Field, width: int) -> int:
        """Byte position of the field's value, or -1 when the field is absent."""
        index = field.slot // 2
        offset = self._slots[index] if index < len(self._slots) else 0
        if offset == 0:
            return -1
        if offset < 4 or offset + width > self._slots[1]:
            raise damaged(f"field {field.name} of the {self.kind} table at byte {self.position} lies outside the table")
        return self.position + offset

    def at(self, name: str) -> int | None:
        """Byte position of a field that refers to something (a vector, text or table), None when it is absent."""
        position = self._locate(self._fields[name], 4)
        return None if position < 0 else position

    def number(self, name: str) -> Any:
        """A scalar field: bool, int or float; its default when absent."""
        field = self._fields[name]
        code = _STRUCTS[field.format]
        position = self._locate(field, code.size)
        return field.default if position < 0 else code.unpack_from(self.file.data, position)[0]

    def numbers(self, name: str) -> Array | None:
        """A vector of scalars as a read-only view of the file; None when absent."""
        field = self._fields[name]
        position = self._locate(field, 4)
        if position < 0:
            return None
        dtype = _DTYPES[field.format]
        start, count = self.file.vector(position, dtype.itemsize)
        return np.frombuffer(self.file.data, dtype, count, start)

    def integers(self, name: str) -> tuple[int, ...]:
        """A vector of integers as a tuple; empty when absent."""
        values = self.numbers(name)
        if values is None:
            return ()
        self.file.spend(values.nbytes)
        return tuple(values.tolist())

    def text(self, name: str) -> str:
        """A string field; empty when absent, damaged UTF-8 replaced."""
        position = self._locate(self._fields[name], 4)
        if position < 0:
            return ""
        start, count = self.file.vector(position, 1)
        self.file.spend(count)
        if self.file.data[start + count : start + count + 1] != b"\0":
            raise damaged(f"the string at byte {start} of {self.file.size} has no end")
        return self.file.data[start : start + count].decode("utf-8", "replace")

    def child(self, name: str, kind: str = "") -> Table | None:
        """A table field, or a union field whose type is `kind`; None when absent."""
        field = self._fields[name]
        position = self._locate(field, 4)
        return None if position < 0 else self.file.table(position + self.file.u32(position), kind or field.child)

    def children(self, name: str) -> list[Table]:
        """A vector of tables; empty when absent."""
        field = self._fields[name]
        position = self._locate(field, 4)
        if position < 0:
            return []
        start, count = self.file.vector(position, 4)
        self.file.spend(4 * count)
        offsets = struct.unpack_from(f"<{count}I", self.file.data, start)
        return [self.file.table(start + 4 * index + offset, field.child) for index, offset in enumerate(offsets)]

    def each(self) -> list[Field]:
        """The schema's fields of this table, in order."""
        return list(self._fields.values())

    @classmethod
    def empty(cls, kind: str) -> Table:
        """A table of schema type `kind` with every field absent."""
        return cls(FlatFile(b""), 0, kind, (4, 4))
