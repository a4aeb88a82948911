"""Constants of a layer with fewer bits that give the same outputs for every accumulator that can occur.

A staircase of at most 255 steps says where outputs change, each between two accumulators that can occur: that leaves some freedom
to the multiplier and, where all weights are multiples of a number, to the bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from edgepack.compile.graph import Data
from edgepack.compile.operators.shared.requantize import Requantization
from edgepack.compile.operators.shared.roundest import Ways, shortest
from edgepack.compile.operators.shared.staircase import LONG, WORD, Channel, reached, slopes, steps

LEAST = 1 << 30
"""Multipliers stay in the upper half of 31 bits."""

_UNITS = 1 << np.arange(30, dtype=np.int64)
_BESIDE = np.outer([1, -1], 1 << np.arange(3, 12)).reshape(-1)  # tried beside round multipliers


def shortened(requant: Requantization) -> Requantization:
    """The same outputs by shorter multipliers and biases; channels of one multiplier keep one."""
    channels = requant.channels()
    places = tuple(place for place, channel in enumerate(channels) if not requant.constant[place] and _changes(channel))
    if requant.multiplier.size < len(channels) != len(places):
        return requant
    bias, multiplier = requant.bias.copy(), requant.multiplier.copy()
    for place, constants in zip(places, _constants(tuple(channels[place] for place in places)), strict=True):
        bias[place], multiplier[place if multiplier.size > 1 else 0] = constants
    moved = bias - requant.bias
    return replace(requant, bias=bias, multiplier=multiplier, least=requant.least + moved, most=requant.most + moved)


@lru_cache(maxsize=64)
def _constants(channels: tuple[Channel, ...]) -> list[tuple[int, int]]:
    """Bias and multiplier of each."""
    classes: dict[tuple[int, int], list[int]] = {}
    for place, channel in enumerate(channels):
        classes.setdefault((channel.multiplier, channel.shift), []).append(place)
    ways = [_ways(tuple(channels[place] for place in same)) for same in classes.values()]
    found = [(0, 0)] * len(channels)
    for same, (multiplier, biases) in zip(classes.values(), shortest(ways), strict=True):
        for place, bias in zip(same, biases, strict=True):
            found[place] = bias, multiplier
    return found


def _changes(channel: Channel) -> bool:
    """Whether its constants may be others."""
    return not channel.wraps and channel.multiplier >= LEAST and -LONG <= channel.shift <= 0


def _ways(channels: Sequence[Channel]) -> Ways:
    """The multipliers that do for all of these channels, which have the same one."""
    stairs = [_stairs(channel) for channel in channels]
    bounds = max(each.bounds[0] for each in stairs), min(each.bounds[1] for each in stairs)
    candidates = _candidates(channels[0].multiplier, min(each.share for each in stairs), bounds)
    moves = [_moves(channel, each, candidates) for channel, each in zip(channels, stairs, strict=True)]
    good = np.all([low <= high for low, high in moves], axis=0)
    biases = np.array([channel.bias for channel in channels], np.int64)
    least, most = (np.stack([each[k] for each in moves], axis=1)[good] + biases for k in range(2))
    return Ways(candidates[good], least, most, np.zeros(good.sum(), np.int64))


def _candidates(given: int, share: float, bounds: tuple[float, float]) -> Data:
    """Round multipliers between bounds that differ by no more than that share, nearest first, and some beside them."""
    round_ones = np.unique(given // _UNITS * _UNITS + _UNITS * np.arange(2)[:, None])
    found = np.concatenate([round_ones, (round_ones[:, None] + _BESIDE).reshape(-1), [given]])
    found = found[(found > max(bounds[0], LEAST - 0.5)) & (found < min(bounds[1], WORD - 0.5))]
    found = np.unique(found[abs(found - given) <= share * given])
    return np.asarray(found[np.argsort(abs(found - given), kind="stable")])


@dataclass(frozen=True, eq=False)
class _Stairs:
    """A channel's lowest output; what the multiplication must reach for each, and for the one above the highest, and from which
    accumulators on it does (steps + 2,); the share by which multipliers may differ, and between which that can be."""

    lowest: int
    targets: Data
    now: Data
    share: float
    bounds: tuple[float, float]


def _stairs(channel: Channel) -> _Stairs:
    lowest, firsts = steps(channel)
    risen = np.arange(lowest - channel.out_zero, lowest + firsts.size + 2 - channel.out_zero, dtype=np.int64)
    targets = reached(risen, -channel.shift) * WORD - (1 << 30)
    inner, grid = channel.occurring(firsts), channel.grid
    now = np.array([channel.least, *inner.tolist(), channel.most + grid])
    return _Stairs(lowest, targets, now, _freedom(firsts, grid), slopes(targets[1:-1], inner, grid))


def _freedom(firsts: Data, grid: int) -> float:
    """No multiplier differs by a larger share: the distance between the first step and the last would."""
    return 1.0 if firsts.size < 2 else min(1.0, 2.0 * (grid + 1) / max(int(firsts[-1] - firsts[0]) - grid, 1))


def _moves(channel: Channel, stairs: _Stairs, candidates: Data) -> tuple[Data, Data]:
    """The least and the most that may be added to the bias beside each of these multipliers (ways,)."""
    moves = -(-stairs.targets // candidates[:, None]) - stairs.now
    lowest, highest, grid = stairs.lowest, stairs.lowest + stairs.now.size - 2, channel.grid
    low = moves[:, 1 if lowest == channel.out_min else 0 : -1].max(axis=1, initial=-grid)
    high = moves[:, 1 : -1 if highest == channel.out_max else None].min(axis=1, initial=0) + grid - 1
    return low, high
