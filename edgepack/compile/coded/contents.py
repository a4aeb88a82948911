"""What the constant arrays of a call hold that codes can take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from edgepack.coding import UNIT, Values
from edgepack.coding.frame import Table
from edgepack.compile.call import Array, Call, Field
from edgepack.compile.graph import Data
from edgepack.compile.operators.shared.gemm_stream import unpaired
from edgepack.compile.operators.shared.sparse_stream import Lines, unpacked_sparse

BYTES, HALVES, STREAM, TABLE, SPARSE = range(5)
BEHIND = 4  # bytes behind a filter's values that may be read

Key = tuple[str, bytes]


@dataclass(frozen=True, eq=False)
class Content:
    """An array that could be coded: the int8 values in it, the numbers between them, and how both lie.

    Of a TABLE, biases and multipliers alone, there are no values.
    """

    array: Array
    form: int
    values: Values
    constants: Data | None = None
    groups: int = 1
    table: Table | None = None

    @property
    def count(self) -> int:
        """Values that are decoded at once: all, or those of one group or filter of a stream."""
        if self.form == STREAM:
            return 4 * self.array.depth
        return -(-self.values.size // (self.groups * UNIT)) * UNIT

    @property
    def filter(self) -> int:
        """Values of a filter, of a stream."""
        return self.count if self.form == SPARSE else self.array.depth

    @property
    def channels(self) -> int:
        """Biases and multipliers of a stream."""
        return self.groups if self.form == SPARSE else 4 * self.groups

    @property
    def room(self) -> int:
        """Bytes in memory when decoded."""
        if self.table is not None:
            return self.table.numbers.nbytes
        if self.form in (STREAM, SPARSE):
            return self.array.data.nbytes + (self.count + BEHIND if self.form == SPARSE else 0)
        return self.count * (2 if self.form == HALVES else 1)


def as_bytes(array: Array) -> Content:
    """Any array as the bytes that it is."""
    return Content(array, BYTES, np.ascontiguousarray(array.data).reshape(-1).view(np.int8))


def content_of(array: Array) -> Content | None:
    """What an array of weights, or of biases and multipliers, holds; None for others, whose bytes are no values of a kind."""
    data = array.data
    if array.depth:
        values, constants = unpaired(data, array.depth)
        return Content(array, STREAM, values, constants, values.size // (4 * array.depth))
    if array.lines:
        rows, pairs = unpacked_sparse(data, Lines(*array.lines))
        padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % UNIT)))
        return Content(array, SPARSE, padded.reshape(-1), pairs.reshape(-1), len(rows))
    if data.dtype in (np.int8, np.uint8) or array.packed:
        return as_bytes(array)
    if data.dtype == np.int16 and data.size and data.min() >= -128 and data.max() <= 127:
        return Content(array, HALVES, data.reshape(-1).astype(np.int8))
    if data.dtype == np.int32 and data.size:
        block = 2 * array.channels + array.words
        numbers = np.pad(data.reshape(-1), (0, -data.size % block), "edge")  # biases alone: two in the place of a pair
        return Content(array, TABLE, np.zeros(0, np.int8), table=Table(numbers, array.channels, array.words))
    return None


def key_of(array: Array) -> Key:
    """What equal arrays have in common: parts of a layer hold the same weights in arrays of their own."""
    return f"{array.data.dtype} {array.depth} {array.lines}", array.data.tobytes()


def arrays_of(call: Call) -> dict[Key, Array]:
    """The different arrays of a call that can be decoded: it has one input and one output."""
    if len(call.inputs) != 1 or len(call.outputs) != 1:
        return {}
    return {key_of(array): array for part in call.parts() for array in arrays_inside(part.fields)}


def arrays_inside(fields: Mapping[str, Field], join: bool = True) -> Iterator[Array]:
    """The arrays among struct members, in order; with `join`, biases, multipliers and shifts of the same channels as one."""
    joined = _joined(fields) if join else None
    for value in fields.values():
        if isinstance(value, Array):
            if joined is not None and value is joined.parts[0]:
                yield joined
            elif joined is None or all(value is not part for part in joined.parts):
                yield value
        elif isinstance(value, Mapping):
            yield from arrays_inside(value, join)


def _joined(fields: Mapping[str, Field]) -> Array | None:
    """Biases, shifts and multipliers in one array, in that order; None where there are not all three for each channel."""
    found = (fields.get("bias"), fields.get("shift", fields.get("right")), fields.get("multiplier"))
    arrays = tuple(each for each in found if isinstance(each, Array))
    if [each.data.dtype for each in arrays] != [np.int32, np.int8, np.int32] or len({each.data.size for each in arrays}) != 1:
        return None
    count = arrays[0].data.size
    between = np.pad(arrays[1].data.reshape(-1), (0, -count % 4), "edge").view("<i4")
    data = np.concatenate([arrays[0].data.reshape(-1), between, arrays[2].data.reshape(-1)])
    return Array(data.astype(np.int32), "biases, shifts and multipliers", channels=count, words=between.size, parts=arrays)


def parts_of(array: Array) -> list[tuple[int, Array]]:
    """The arrays that lie in one, and how many bytes from its beginning: itself, or biases, shifts and multipliers."""
    if not array.parts:
        return [(0, array)]
    bias, shift, multiplier = array.parts
    return [(0, bias), (4 * array.channels, shift), (4 * (array.channels + array.words), multiplier)]
