"""Constants of a layer with fewer bits that give the same outputs for every accumulator that can occur.

A staircase of at most 255 steps says where outputs change, each between two accumulators that can occur: that leaves some freedom
to the multiplier and, where all weights are multiples of a number, to the bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from edgepack.compile.graph import Data
from edgepack.compile.operators.shared.requantize import Requantization
from edgepack.compile.operators.shared.roundest import Ways, shortest
from edgepack.compile.operators.shared.staircase import LONG, WORD, Channel, reached, steps

LEAST = 1 << 30
"""Multipliers stay in the upper half of 31 bits."""


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
    candidates = _candidates(channels[0].multiplier, min(_freedom(channel) for channel in channels))
    bounds = [_moves(channel, candidates) for channel in channels]
    good = np.all([low <= high for low, high in bounds], axis=0)
    biases = np.array([channel.bias for channel in channels], np.int64)
    least, most = (np.stack([each[k] for each in bounds], axis=1)[good] + biases for k in range(2))
    return Ways(candidates[good], least, most, np.zeros(good.sum(), np.int64))


def _candidates(given: int, share: float) -> Data:
    """Round multipliers that differ by no more than that share, nearest first, and some beside them."""
    units = 1 << np.arange(30, dtype=np.int64)
    round_ones = np.unique(given // units * units + units * np.arange(2)[:, None])
    beside = (1 << np.arange(3, 12)) * np.array([[1], [-1]])
    found = np.unique(np.concatenate([round_ones, (round_ones[:, None] + beside.reshape(-1)).reshape(-1), [given]]))
    found = found[(found >= LEAST) & (found < WORD) & (abs(found - given) <= share * given)]
    return np.asarray(found[np.argsort(abs(found - given), kind="stable")])


def _freedom(channel: Channel) -> float:
    """No multiplier differs by a larger share: the distance between the first step and the last would."""
    firsts = steps(channel)[1]
    return 1.0 if firsts.size < 2 else min(1.0, 2.0 * (channel.grid + 1) / max(int(firsts[-1] - firsts[0]) - channel.grid, 1))


def _moves(channel: Channel, candidates: Data) -> tuple[Data, Data]:
    """The least and the most that may be added to the bias beside each of these multipliers (ways,)."""
    lowest, firsts = steps(channel)
    highest, grid = lowest + firsts.size, channel.grid
    risen = np.arange(lowest - channel.out_zero, highest + 2 - channel.out_zero, dtype=np.int64)
    first = -(((1 << 30) - reached(risen, -channel.shift) * WORD) // candidates[:, None])
    now = np.array([channel.least, *channel.occurring(firsts).tolist(), channel.most + grid])
    moves = first - now
    low = moves[:, 1 if lowest == channel.out_min else 0 : -1].max(axis=1, initial=-grid)
    high = moves[:, 1 : -1 if highest == channel.out_max else None].min(axis=1, initial=0) + grid - 1
    return low, high
