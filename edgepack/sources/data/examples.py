"""Examples in the narrow type they came in, and read as the type that a model takes.

A pixel is one byte in a file and four in a model's input. It stays one byte in the store, in the page cache and in memory;
whoever computes with examples casts a batch of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

_VALUES = 1 << 20
FLOAT: np.dtype[Any] = np.dtype(np.float32)


class Examples(Protocol):
    """Examples of one input, batch first: a NumPy array, or `Converted` ones. `numpy.asarray` gives the numbers."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Examples first."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of a value as it is read."""

    @property
    def nbytes(self) -> int:
        """Bytes of all examples, once read."""

    def __len__(self) -> int:
        """Number of examples."""

    def __getitem__(self, rows: Any, /) -> Any:
        """One example, or several: of a slice the result may be `Converted` again, of other indices it is an array."""

    def reshape(self, *sizes: Any) -> Any:
        """The same values in another shape, examples first."""

    def __array__(self, *options: Any, **named: Any) -> NDArray[Any]:
        """Every value, read."""


@dataclass(frozen=True, eq=False)
class Converted:
    """Each value x of `rows` read as x * factor + shift, of type `dtype`; both broadcast over the last axis. None: x itself.

    `rows` is an array or anything that gives rows by their numbers (`raw.Rows`).
    """

    rows: Any
    dtype: np.dtype[Any] = FLOAT
    factor: NDArray[Any] | None = None
    shift: NDArray[Any] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the rows."""
        found: tuple[int, ...] = self.rows.shape
        return found

    @property
    def nbytes(self) -> int:
        """Bytes of all rows, once read."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __len__(self) -> int:
        """Number of rows."""
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        """A slice stays converted rows, unread, as a slice of an array stays a view; other indices read."""
        if isinstance(index, slice):
            return replace(self, rows=self.rows[index])
        if isinstance(index, tuple):
            return np.asarray(self)[index]
        return self.read(self.rows[index])

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        """Every row, read."""
        return self.read(self.rows if isinstance(self.rows, np.ndarray) else self.rows[np.arange(len(self))]).astype(
            dtype or self.dtype, copy=False
        )

    def reshape(self, *sizes: Any) -> Any:
        """Rows of another shape, unread where the channels stay the last axis."""
        shape = sizes[0] if isinstance(sizes[0], tuple) else sizes
        by_channel = self.factor is not None and max(self.factor.size, self.shift.size if self.shift is not None else 1) > 1
        if by_channel and shape[-1] != self.shape[-1]:
            return np.asarray(self).reshape(shape)
        return replace(self, rows=self.rows.reshape(shape))

    def read(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of the rows as they are read."""
        if self.factor is not None:
            values = (values.astype(np.float32) if values.dtype == np.float16 else values) * self.factor + self.shift
        return np.asarray(values).astype(self.dtype)


def is_narrow(dtype: np.dtype[Any]) -> bool:
    """Whether float32 holds every value of this type exactly, in more bytes: integers of up to 16 bits, bool, float16."""
    return (dtype.kind in "iub" and dtype.itemsize <= 2) or dtype == np.float16


def blocks(rows: Examples) -> Iterator[slice]:
    """Slices that cover the rows, of about a million values each: what is computed with them stays small, whatever the data."""
    size = max(1, _VALUES // max(1, math.prod(rows.shape[1:])))
    for start in range(0, len(rows), size):
        yield slice(start, min(start + size, len(rows)))


def pick(rows: Examples, index: NDArray[Any]) -> Examples:
    """The rows of these numbers, not read yet where they are converted ones."""
    if isinstance(rows, Converted):
        return replace(rows, rows=rows.rows[index])
    found: Examples = rows[index]
    return found
