"""What ends exactly with the file is read; what ends one byte later is refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from edgepack.flatbuffer.binary import FlatFile, Table
from edgepack.flatbuffer.model import DTYPE_BITS
from edgepack.ground.errors import ModelError


def refused(data: bytes, position: int = 0) -> bool:
    try:
        FlatFile(data).table(position, "Model")
    except ModelError as error:
        assert error.code == "EP-202"
        return True
    return False


def model_table(*slots: int, body: bytes = b"", size: int | None = None) -> bytes:
    """A table at byte 0 with its vtable behind it: `body` are its bytes after the distance."""
    size = 4 + len(body) if size is None else size
    table = struct.pack("<i", -(4 + len(body))) + body
    return table + struct.pack(f"<{2 + len(slots)}H", 4 + 2 * len(slots), size, *slots)


def test_a_table_and_its_vtable_may_begin_and_end_with_the_file() -> None:
    assert not refused(model_table())
    assert not refused(struct.pack("<HH", 4, 4) + struct.pack("<i", 4), 4)
    assert not refused(model_table(4, body=b"\7\0\0\0"))


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_of_neither_a_byte_may_be_missing(missing: int) -> None:
    assert refused(model_table()[:-missing])
    assert refused(model_table(4, body=b"\7\0\0\0")[:-missing])
    assert refused((struct.pack("<HH", 4, 4) + struct.pack("<i", 4))[:-missing], 4)


@pytest.mark.parametrize(("size", "is_refused"), [(3, True), (4, False), (8, False), (9, True)])
def test_a_table_is_at_least_its_distance_and_at_most_the_rest_of_the_file(size: int, is_refused: bool) -> None:
    assert refused(model_table(size=size)) == is_refused


@pytest.mark.parametrize(("size", "is_refused"), [(2, True), (3, True), (4, False), (5, True), (6, False), (8, True)])
def test_a_vtable_has_whole_slots(size: int, is_refused: bool) -> None:
    data = struct.pack("<i", -4) + struct.pack("<3H", size, 4, 0)
    assert refused(data) == is_refused


def test_places_outside_the_file_are_refused() -> None:
    assert refused(model_table(), -1) and refused(model_table(), len(model_table()) - 3)
    assert refused(struct.pack("<i", 1) + b"\0" * 8), "a vtable one byte before the file"


@pytest.mark.parametrize(("offset", "is_refused"), [(3, True), (4, False), (5, True)])
def test_a_field_lies_inside_its_table(offset: int, is_refused: bool) -> None:
    """Model's first field is its version, four bytes."""
    table = FlatFile(model_table(offset, body=struct.pack("<I", 7))).table(0, "Model")
    if is_refused:
        with pytest.raises(ModelError, match="outside the table"):
            table.number("version")
    else:
        assert table.number("version") == 7


def vector(count: int, elements: bytes) -> tuple[FlatFile, int]:
    return FlatFile(struct.pack("<II", 4, count) + elements), 0


def test_a_list_may_end_with_the_file_but_not_later() -> None:
    file, position = vector(3, b"\1\0\2\0\3\0")
    assert file.vector(position, 2) == (8, 3)
    for count, width in ((4, 2), (7, 1), (2, 4)):
        file, position = vector(count, b"\1\0\2\0\3\0")
        with pytest.raises(ModelError, match="passes the end"):
            file.vector(position, width)
    file, position = vector(0, b"")
    assert file.vector(position, 4) == (8, 0)


def test_a_string_needs_its_zero() -> None:
    """Model's fourth field is its description: the offset is at byte 4 of the table, the text behind the vtable."""
    head = model_table(0, 0, 0, 4, body=struct.pack("<I", 4 + 12))
    text = struct.pack("<I", 3) + b"abc"
    assert FlatFile(head + text + b"\0").table(0, "Model").text("description") == "abc"
    for end in (b"", b"d"):
        with pytest.raises(ModelError, match="has no end"):
            FlatFile(head + text + end).table(0, "Model").text("description")


def test_an_empty_table_has_every_default() -> None:
    table = Table.empty("Conv2DOptions")
    assert table.number("dilation_w_factor") == 1 and table.number("padding") == 0


def test_bits_of_the_types_are_numpys() -> None:
    others = {"bfloat16": 16, "int4": 4}
    assert {name: others.get(name) or 8 * np.dtype(name).itemsize for name in DTYPE_BITS} == DTYPE_BITS
