"""The exact requantisation of kernels/shared/ep_mve.h with scaled sums and a zero point for each channel.

    x = sum * 2^scale + bias
    h = floor((x * multiplier + 2^30) / 2^31)
    y = saturate(zero + round((h - (h < 0 ? 2^scale : 0)) * 2^shift)),   halves up, shift < 0

TFLite rounds to h before it shifts, and rounds negative h down; the step of 2^scale at zero is what both make of the staircase.
With a zero point at the lowest output nothing else is negative, so channels with another staircase can be had too.
"""

from __future__ import annotations

import itertools

import numpy as np

from edgepack.compile.graph import Data
from edgepack.compile.operators.shared.staircase import LONG, WORD, Channel, steps

_LIMIT = (1 << 31) - (1 << 13)  # of x, without sign: what is taken from a negative h is within 32 bits too
_NEAR = (0, *(sign << bits for bits in range(2, 8) for sign in (1, -1)))  # multipliers tried, from the channel's own

Constants = tuple[int, int, int, int]
"""Bias, multiplier, shift and zero point."""


def exact_fit(channel: Channel, scale: int) -> Constants | None:
    """One channel's constants; None if there are none, or if a clamp does more than saturate to int8."""
    right = scale - channel.shift
    if channel.wraps or channel.multiplier <= 0 or channel.clamps or not 1 <= right <= 31:
        return None
    lowest, firsts = steps(channel)
    outputs = np.arange(lowest, lowest + firsts.size + 2, dtype=np.int64)
    first = (np.array([channel.least, *firsts.tolist(), channel.most + 1]) - channel.bias) << scale
    for zero, near in itertools.product((channel.out_zero, lowest), _NEAR):
        multiplier = min(channel.multiplier + near, (1 << 31) - 1)
        least = _reaching(outputs - zero, multiplier, right, scale) - first
        low = max(least[1 if lowest == -128 else 0 : -1].max(initial=-_LIMIT), -_LIMIT - int(first[0]))
        ends = least[1 : -1 if outputs[-1] == 128 else None].min(initial=_LIMIT)
        high = min(int(ends) + (1 << scale), _LIMIT - int(first[-1]) + (1 << scale), _LIMIT) - 1
        if low <= high:
            return int(low + high) // 2, multiplier, -right, zero
    return None


def _reaching(outputs: Data, multiplier: int, right: int, scale: int) -> Data:
    """The smallest x that gives these outputs above the zero point (int64)."""
    high = outputs * (1 << right) - (1 << (right - 1))
    high = np.where(high > 0, high, np.minimum(high + (1 << scale), 0))
    if right > LONG:
        high = high.astype(object)
    return (-(((1 << 30) - high * WORD) // multiplier)).astype(np.int64)
