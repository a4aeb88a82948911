"""Weights of few bits in an int8 file: which codes they may have, and the scales that fit them best.

A format allows the whole numbers -levels … levels, each times a step so that they fill the int8 codes: four bits give -7 … 7 and
the codes -126, -108, …, 108, 126. Every runtime of int8 models runs them, and the file compresses to fewer bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Format = Literal["int8", "int6", "int5", "int4", "int3", "ternary", "binary"]
Scales = Literal["channel", "octaves", "layer"]

_CODES = 127
_CANDIDATES = 100
_MANTISSAS = 8


@dataclass(frozen=True)
class Grid:
    """The weights a format allows: `levels` whole numbers on each side of zero, and zero itself unless `binary`.

    `scales` says what a kernel's output channels may have: a scale each, one times powers of two, or one for all. `rate` is what
    training adds to its loss for each bit that an entropy code takes for a weight.
    """

    levels: int
    binary: bool = False
    scales: Scales = "channel"
    rate: float = 0.0

    @property
    def step(self) -> int:
        """The int8 code of one level.

        >>> [Grid(levels).step for levels in (127, 31, 15, 7, 3, 1)]
        [1, 4, 8, 18, 42, 127]
        """
        return _CODES // self.levels

    @property
    def codes(self) -> int:
        """How many different codes there are."""
        return 2 if self.binary else 2 * self.levels + 1


GRIDS: dict[str, Grid] = {
    "int8": Grid(127),
    "int6": Grid(31),
    "int5": Grid(15),
    "int4": Grid(7),
    "int3": Grid(3),
    "ternary": Grid(1),
    "binary": Grid(1, binary=True),
}


def round_to(rows: NDArray[np.float32], scales: NDArray[np.float32], grid: Grid) -> NDArray[np.float32]:
    """`rows` (n, m) moved to the grid's nearest level times `scales` (n, 1).

    >>> round_to(np.float32([[0.9, -0.2, 0.3]]), np.float32([[0.5]]), Grid(1)).tolist()
    [[0.5, 0.0, 0.5]]
    """
    if grid.binary:
        return np.where(rows >= 0, scales, -scales)
    levels = np.clip(np.rint(rows / scales), -grid.levels, grid.levels) + 0.0  # no zero with a sign
    return np.asarray(levels * scales, np.float32)


def best_scales(rows: NDArray[np.float32], grid: Grid) -> NDArray[np.float32]:
    """For each row the scale whose rounding has the least squared error, (n, 1).

    Binary has a closed form, the mean size (XNOR-Net, Rastegari et al. 2016, equation 6). The others are searched from a fifth
    of the scale that just holds the largest weight up to all of it; for ternary weights that finds what ternary weight networks
    (Li and Liu 2016, equation 3) state as the optimum.

    >>> best_scales(np.float32([[1, -3, 2, -2]]), Grid(1, binary=True)).tolist()
    [[2.0]]
    """
    sizes = np.abs(rows)
    if grid.binary:
        return _positive(sizes.mean(axis=1, keepdims=True))
    largest = _positive(sizes.max(axis=1, keepdims=True) / grid.levels)
    best, least = largest, np.full(largest.shape, np.inf)
    for share in np.linspace(0.2, 1.0, _CANDIDATES, dtype=np.float32):
        scales = largest * share
        error = np.square(rows - round_to(rows, scales, grid)).sum(axis=1, keepdims=True)
        best, least = np.where(error < least, scales, best), np.minimum(error, least)
    return np.asarray(best, np.float32)


def fitting_scales(rows: NDArray[np.float32], grid: Grid) -> NDArray[np.float32]:
    """The scale of each row, (n, 1), as `grid.scales` allows: those that fit best, near these one times powers of two, or one.

    >>> fitting_scales(np.float32([[2, -2], [2, 0]]), Grid(1, scales="layer")).ravel().tolist()
    [2.0, 2.0]
    >>> scales = fitting_scales(np.float32([[3, -3], [1.6, 1.6], [0, 0]]), Grid(1, scales="octaves")).ravel()
    >>> (scales / scales[0]).tolist()
    [1.0, 0.5, 1.0]
    """
    if grid.scales == "layer":
        return np.broadcast_to(best_scales(rows.reshape(1, -1), grid), (len(rows), 1)).copy()
    own = best_scales(rows, grid)
    if grid.scales == "channel":
        return own
    used = np.abs(rows).max(axis=1, keepdims=True) > 0
    largest = own[used].max() if used.any() else np.float32(1)
    best, least = own, np.inf
    for base in largest * np.exp2(np.arange(-_MANTISSAS, _MANTISSAS, dtype=np.float32) / (2 * _MANTISSAS)):
        scales = np.where(used, base * np.exp2(np.rint(np.log2(own / base))), base).astype(np.float32)
        error = float(np.square(rows - round_to(rows, scales, grid)).sum())
        if error < least:
            best, least = scales, error
    return best


def _positive(scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scales that can be divided by: an empty channel gets 1."""
    return np.asarray(np.where(scales > 0, scales, 1), np.float32)
