"""Of the numbers that would do for a layer's constants those that a code stores in the fewest bits (edgepack/coding/frame.py).

That is: numbers with the same bits at their end, mostly zeros, so that only the bits above are stored for each channel; where a
few channels need others there, these are told apart by a number of few bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgepack.compile.graph import Data

Pair = tuple[int, tuple[int, ...]]
"""The multiplier of some channels, and a bias for each."""

_BITS = 31
_TRIED = 4  # ways to split numbers that are looked at, those first in which most channels end in zeros
_MOST_ENDS = 32
_KEY = 32  # bits of a bias's end, below a multiplier's
_WIDE = 8  # ends of biases that are looked at, from the least that will do


@dataclass(frozen=True, eq=False)
class Ways:
    """What channels of one multiplier may have: multipliers (ways,), nearest first, and the least and the largest biases beside
    each (ways, channels); all int64. `added`: what is in those biases, but not in the channels' (ways,)."""

    multipliers: Data
    least: Data
    most: Data
    added: Data


@dataclass(frozen=True)
class _Split:
    """Bits at the end of multipliers and of biases, and what they may be, most frequent first."""

    bits: tuple[int, int]
    ends: tuple[tuple[int, int], ...]


def shortest(layer: Sequence[Ways]) -> list[Pair]:
    """A way for each, so that a code of them all is short."""
    if not layer:
        return []
    count = sum(ways.least.shape[1] for ways in layer)
    zeros = np.sum(
        [_zeros(ways) * ways.least.shape[1] for ways in layer], axis=0
    )  # channels, by bits at the end of both that are zeros
    bits = np.add.outer(np.arange(_BITS), np.arange(_BITS))
    guess = count * (1 + (zeros < count) - bits / 62) + (count - zeros) * (bits / 62)
    order = np.argsort(guess - bits / 1000, axis=None, kind="stable")[:_TRIED]
    best, least = _Split((0, 0), ((0, 0),)), float("inf")
    for first, second in zip(*np.unravel_index(order, bits.shape), strict=True):
        split = _split(layer, (int(first), int(second)))
        if split is not None and (size := _size(split, count)) < least:
            best, least = split, size
    return [_taken(ways, best) for ways in layer]


def _size(split: _Split, count: int) -> float:
    """Bits of a code of so many channels; of one channel it is the same for any, and the one with the most zeros is best."""
    end, which = sum(split.bits), (len(split.ends) - 1).bit_length()
    return count * (2 * _BITS - end + which) + len(split.ends) * end - end / 1000


def _zeros(ways: Ways) -> Data:
    """Whether all that channels may have ends in so many zeros (bits of multipliers, bits of biases), 0 or 1."""
    units = 1 << np.arange(_BITS)
    multipliers = ways.multipliers[:, None] % units == 0
    biases = (ways.most[..., None] // units * units >= ways.least[..., None]).all(axis=1)
    return np.asarray(multipliers.astype(np.float32).T @ biases.astype(np.float32) > 0, np.int64)


def _split(layer: Sequence[Ways], bits: tuple[int, int]) -> _Split | None:
    """Few ends that all channels can do with, the one that most can taken first; None where they are many."""
    found = [_ends(ways, bits) for ways in layer]
    which = np.repeat(np.arange(len(layer)), [len(each) for each in found])
    keys, names = np.unique(np.concatenate(found), return_inverse=True)
    biases = _signed(keys, _KEY)
    ends = np.stack([(keys - biases) >> _KEY, biases], axis=1)
    nearest = -abs(ends).sum(axis=1)
    left, taken = np.ones(which.size, bool), []
    while left.any():
        able = np.bincount(names[left], minlength=len(ends))
        best = int(np.lexsort((nearest, able))[-1])
        taken.append((int(ends[best, 0]), int(ends[best, 1])))
        if len(taken) > _MOST_ENDS:
            return None
        left &= ~np.isin(which, which[names == best])
    return _Split(bits, tuple(taken)) if np.unique(which).size == len(layer) else None


def _ends(ways: Ways, bits: tuple[int, int]) -> Data:
    """The ends that channels may have (ends,): lowest bits of the multiplier, above those of all biases."""
    multipliers = _signed(ways.multipliers, bits[0]) << _KEY
    rows = [multipliers[_biases(ways, bits[1], 0)]]
    if ways.least.shape[1] == 1:
        biases = ways.least + np.arange(_WIDE)
        rows.append((multipliers[:, None] + _signed(biases, bits[1]))[biases <= ways.most])
    return np.asarray(np.unique(np.concatenate(rows)))


def _biases(ways: Ways, bits: int, end: int) -> Data:
    """Beside which multipliers all channels have biases with that end (ways,)."""
    return np.asarray(((ways.most - end) >> bits << bits >= ways.least - end).all(axis=1))


def _signed(numbers: Data, bits: int) -> Data:
    """The lowest bits, as numbers with a sign."""
    half = (1 << bits) >> 1
    return np.asarray((numbers + half) % (1 << bits) - half)


def _taken(ways: Ways, split: _Split) -> Pair:
    """The nearest multiplier with the first of these ends that will do, and biases near zero."""
    bits = split.bits
    for multiplier, bias in split.ends:
        good = np.flatnonzero((_signed(ways.multipliers, bits[0]) == multiplier) & _biases(ways, bits[1], bias))
        if good.size:
            way, added = int(good[0]), int(ways.added[good[0]])
            rows = zip(ways.least[way].tolist(), ways.most[way].tolist(), strict=True)
            return int(ways.multipliers[way]), tuple(_within(*row, bits[1], bias) - added for row in rows)
    raise AssertionError(split)


def _within(least: int, most: int, bits: int, end: int) -> int:
    """A number between two with these lowest bits, the nearest to zero.

    >>> _within(33, 47, 3, 0), _within(-9, -3, 3, 0), _within(9, 15, 3, 1), _within(-20, 20, 3, 0)
    (40, -8, 9, 0)
    """
    low, high = -((end - least) >> bits << bits) + end, ((most - end) >> bits << bits) + end
    return end if low <= end <= high else min(low, high, key=abs)
