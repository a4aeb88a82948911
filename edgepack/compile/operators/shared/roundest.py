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


@dataclass(frozen=True, eq=False)
class _Layer:
    """The ways of all of a layer's `Ways`, one after the other.

    `place` says of which each is, `multipliers` has its multiplier and `zeros` how many bits may be zeros at the end of all its
    biases (ways,); from `starts` on are `least` and `most` of its channels. `channels` are those of each `Ways`.
    """

    place: Data
    multipliers: Data
    zeros: Data
    starts: Data
    least: Data
    most: Data
    channels: Data

    @property
    def alone(self) -> Data:
        """Whether a way is of one channel (ways,)."""
        return np.asarray(self.channels[self.place] == 1)

    def biases(self, bits: int, end: int) -> Data:
        """Beside which multipliers all channels have biases with that end (ways,)."""
        good = (self.most - end) >> bits << bits >= self.least - end
        return np.asarray(np.logical_and.reduceat(good, self.starts))

    def ends(self, bits: tuple[int, int]) -> tuple[Data, Data]:
        """The ends that each of the `Ways` may have, none twice: which of them, and lowest bits of the multiplier above those of
        all biases, both (ends,)."""
        multipliers = _signed(self.multipliers, bits[0]) << _KEY
        round_ones, alone = self.zeros >= bits[1], np.flatnonzero(self.alone)
        biases = self.least[self.starts[alone], None] + np.arange(min(_WIDE, 1 << bits[1]))
        good = biases <= self.most[self.starts[alone], None]
        beside = (multipliers[alone, None] + _signed(biases, bits[1]))[good]
        places = np.concatenate([self.place[round_ones], np.repeat(self.place[alone], good.sum(axis=1))])
        keys, names = np.unique(np.concatenate([multipliers[round_ones], beside]), return_inverse=True)
        both = np.unique(places * keys.size + names)
        return both // max(keys.size, 1), keys[both % max(keys.size, 1)]


@dataclass(frozen=True)
class _Split:
    """Bits at the end of multipliers and of biases, and what they may be, most frequent first."""

    bits: tuple[int, int]
    ends: tuple[tuple[int, int], ...]


def shortest(given: Sequence[Ways]) -> list[Pair]:
    """A way for each, so that a code of them all is short."""
    if not given:
        return []
    layer = _joined(given)
    count, most = int(layer.channels.sum()), _most_zeros(layer)
    zeros = _zeros(layer, most)  # channels, by bits at the end of both that are zeros
    bits = np.add.outer(np.arange(_BITS), np.arange(_BITS))
    guess = count * (1 + (zeros < count) - bits / 62) + (count - zeros) * (bits / 62)
    order = np.argsort(guess - bits / 1000, axis=None, kind="stable")[:_TRIED]
    best, least = _Split((0, 0), ((0, 0),)), float("inf")
    for first, second in zip(*(each.tolist() for each in np.unravel_index(order, bits.shape)), strict=True):
        split = _Split((first, second), ((0, 0),)) if zeros[first, second] == count else _split(layer, (first, second), least)
        if split is not None and (size := _size(split.bits, len(split.ends), count)) < least:
            best, least = split, size
    return _taken(given, layer, best)


def _joined(given: Sequence[Ways]) -> _Layer:
    channels, ways = np.array([each.least.shape[1] for each in given]), np.array([each.multipliers.size for each in given])
    place = np.repeat(np.arange(len(given)), ways)
    starts = np.cumsum(channels[place]) - channels[place]
    least = np.concatenate([each.least.reshape(-1) for each in given])
    most = np.concatenate([each.most.reshape(-1) for each in given])
    # A multiple of 2^bits is between two numbers where the bits above differ of the least less 1 and the most.
    differing = (least - 1) ^ most
    zeros = np.where(differing < 0, _BITS - 1, np.minimum(_length(differing) - 1, _BITS - 1))
    zeros = np.minimum.reduceat(zeros, starts)
    return _Layer(place, np.concatenate([each.multipliers for each in given]), zeros, starts, least, most, channels)


def _length(numbers: Data) -> Data:
    """Bits of numbers below 2^53, none of which is negative."""
    return np.asarray(np.frexp(numbers.astype(np.float64))[1], np.int64)


def _size(bits: tuple[int, int], ends: int, count: int) -> float:
    """Bits of a code of so many channels; of one channel it is the same for any, and the one with the most zeros is best."""
    end, which = sum(bits), (ends - 1).bit_length()
    return count * (2 * _BITS - end + which) + ends * end - end / 1000


def _most_zeros(layer: _Layer) -> Data:
    """How many bits may be zeros at the end of biases beside multipliers that end in so many zeros or more (`Ways`, bits); -1
    without such."""
    found = np.full((layer.channels.size, _BITS), -1)
    ending = np.minimum(_length(layer.multipliers & -layer.multipliers) - 1, _BITS - 1)
    np.maximum.at(found, (layer.place, ending), layer.zeros)
    return np.asarray(np.maximum.accumulate(found[:, ::-1], axis=1)[:, ::-1])


def _zeros(layer: _Layer, most: Data) -> Data:
    """How many channels can end in so many zeros (bits of multipliers, bits of biases)."""
    weights = np.broadcast_to(layer.channels[:, None], most.shape)
    exactly = np.zeros((_BITS, _BITS + 1), np.int64)
    np.add.at(exactly, (np.broadcast_to(np.arange(_BITS), most.shape), most), weights)  # -1 is the last column
    return np.asarray(np.cumsum(exactly[:, _BITS - 1 :: -1], axis=1)[:, ::-1])


def _split(layer: _Layer, bits: tuple[int, int], least: float) -> _Split | None:
    """Few ends that all channels can do with, the one that most can taken first; None where they are many, or where a code with
    them would have no less bits than `least`."""
    total, count = layer.channels.size, int(layer.channels.sum())
    if _size(bits, 1, count) >= least:
        return None
    places, found = layer.ends(bits)
    keys, names = np.unique(found, return_inverse=True)
    biases = _signed(keys, _KEY)
    ends = np.stack([(keys - biases) >> _KEY, biases], axis=1)
    nearest = -abs(ends).sum(axis=1)
    waiting, taken = np.bincount(places, minlength=total) > 0, list[tuple[int, int]]()
    if not waiting.all():
        return None
    while waiting.any():
        able = np.bincount(names[waiting[places]], minlength=keys.size)
        often = np.flatnonzero(able == able.max())
        best = often[np.flatnonzero(nearest[often] == nearest[often].max())[-1]]
        needed = len(taken) + -(-int(waiting.sum()) // int(able[best]))  # no other end is taken by more
        if needed > _MOST_ENDS or _size(bits, needed, count) >= least:
            return None
        taken.append((int(ends[best, 0]), int(ends[best, 1])))
        waiting[places[names == best]] = False
    return _Split(bits, tuple(taken))


def _signed(numbers: Data, bits: int) -> Data:
    """The lowest bits, as numbers with a sign."""
    half = (1 << bits) >> 1
    return np.asarray(((numbers + half) & ((1 << bits) - 1)) - half)


def _taken(given: Sequence[Ways], layer: _Layer, split: _Split) -> list[Pair]:
    """Of each the nearest multiplier with the first of these ends that will do, and biases near zero."""
    bits, found = split.bits, dict[int, Pair]()
    starts = np.searchsorted(layer.place, np.arange(len(given)))
    for multiplier, bias in split.ends:
        good = np.flatnonzero((_signed(layer.multipliers, bits[0]) == multiplier) & layer.biases(bits[1], bias))
        places, first = np.unique(layer.place[good], return_index=True)
        for place, way in zip(places.tolist(), (good[first] - starts[places]).tolist(), strict=True):
            if place not in found:
                found[place] = _pair(given[place], way, bits[1], bias)
    return [found[place] for place in range(len(given))]


def _pair(ways: Ways, way: int, bits: int, end: int) -> Pair:
    added = int(ways.added[way])
    rows = zip(ways.least[way].tolist(), ways.most[way].tolist(), strict=True)
    return int(ways.multipliers[way]), tuple(_within(*row, bits, end) - added for row in rows)


def _within(least: int, most: int, bits: int, end: int) -> int:
    """A number between two with these lowest bits, the nearest to zero.

    >>> _within(33, 47, 3, 0), _within(-9, -3, 3, 0), _within(9, 15, 3, 1), _within(-20, 20, 3, 0)
    (40, -8, 9, 0)
    """
    low, high = -((end - least) >> bits << bits) + end, ((most - end) >> bits << bits) + end
    return end if low <= end <= high else min(low, high, key=abs)
