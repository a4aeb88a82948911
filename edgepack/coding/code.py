"""What a code is: a way to store the int8 values of a tensor in fewer bytes, and the C that brings them back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.int8]

UNIT = 8
"""Decoders hand out values in multiples of so many: tensors are padded with zeros."""


class Code(ABC):
    """A lossless code of int8 values. It has no state; `encode` gives all that `decode` and the C decoder need.

    `name` is what users say, `kernel` the C function that begins decoding, in `kernels/coding/<kernel>.h`. `table` are the bytes
    of memory that its decoder needs besides struct ep_decoder. `code_bytes` is what the decoder adds to a program, measured with
    clang -Os for the Cortex-M4 (benchmarks/coding measures it again). `per_value` and `per_tensor` are the instructions that
    decoding takes on a core with Thumb-2 and on one with Armv6-M.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    kernel: ClassVar[str]
    table: ClassVar[int] = 0
    code_bytes: ClassVar[int]
    per_tensor: ClassVar[float] = 60.0

    @abstractmethod
    def encode(self, values: Values) -> bytes | None:
        """The code of `values`, any number of them, read as if padded with zeros to a multiple of UNIT.

        None where the code cannot hold them: too many distinct values, or no zeros where they should be.
        """

    @abstractmethod
    def decode(self, coded: bytes, count: int) -> Values:
        """The first `count` values of what `encode` gave; for tests and for unpacking on a host."""

    @abstractmethod
    def per_value(self, values: Values, thumb2: bool) -> float:
        """Instructions a value, measured (benchmarks/coding)."""

    def least(self, values: Values) -> float:
        """Bytes that the code takes at least, told without encoding."""
        return 0.0

    def size(self, values: Values) -> int | None:
        """Bytes of the code, exactly; None where there is none."""
        coded = self.encode(values)
        return None if coded is None else len(coded)

    def cost(self, values: Values, thumb2: bool) -> float:
        """Instructions to decode all values once."""
        return self.per_tensor + values.size * self.per_value(values, thumb2)


def padded(values: Values) -> Values:
    """The values in one row, zeros appended to a multiple of UNIT."""
    row = np.ascontiguousarray(values, np.int8).reshape(-1)
    return np.pad(row, (0, -row.size % UNIT))
