"""What the constant arrays of a call hold that codes can take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from edgepack.coding import UNIT, Values
from edgepack.compile.call import Array, Call, Field
from edgepack.compile.graph import Data
from edgepack.compile.operators.shared.gemm_stream import unpaired

BYTES, HALVES, STREAM = range(3)  # EP_UNPACK_BYTES and so on

Key = tuple[str, bytes]


@dataclass(frozen=True, eq=False)
class Content:
    """An array that could be coded: the int8 values in it, the numbers between them, and how both lie."""

    array: Array
    form: int
    values: Values
    constants: Data | None = None
    groups: int = 1

    @property
    def count(self) -> int:
        """Values that are decoded at once: all, or those of one group of a stream."""
        return 4 * self.array.depth if self.form == STREAM else -(-self.values.size // UNIT) * UNIT

    @property
    def room(self) -> int:
        """Bytes in memory when decoded."""
        return self.array.data.nbytes if self.form == STREAM else self.count * (2 if self.form == HALVES else 1)


def as_bytes(array: Array) -> Content:
    """Any array as the bytes that it is."""
    return Content(array, BYTES, np.ascontiguousarray(array.data).reshape(-1).view(np.int8))


def content_of(array: Array) -> Content | None:
    """What an array of weights holds; None for others, whose bytes are no values of a kind."""
    data = array.data
    if array.depth:
        values, constants = unpaired(data, array.depth)
        return Content(array, STREAM, values, constants, values.size // (4 * array.depth))
    if data.dtype in (np.int8, np.uint8) or array.packed:
        return as_bytes(array)
    if data.dtype == np.int16 and data.size and data.min() >= -128 and data.max() <= 127:
        return Content(array, HALVES, data.reshape(-1).astype(np.int8))
    return None


def key_of(array: Array) -> Key:
    """What equal arrays have in common: parts of a layer hold the same weights in arrays of their own."""
    return f"{array.data.dtype} {array.depth}", array.data.tobytes()


def arrays_of(call: Call) -> dict[Key, Array]:
    """The different arrays of a call that can be decoded: it has one input and one output."""
    if len(call.inputs) != 1 or len(call.outputs) != 1:
        return {}
    return {key_of(array): array for part in call.parts() for array in arrays_inside(part.fields)}


def arrays_inside(fields: Mapping[str, Field]) -> Iterator[Array]:
    """The arrays among struct members, in order."""
    for value in fields.values():
        if isinstance(value, Array):
            yield value
        elif isinstance(value, Mapping):
            yield from arrays_inside(value)
