"""The one-sided requantisation: one multiplication, one shift and one saturation for TFLite's two roundings and a clamp.

Where an output's zero point is -128 and its range all of int8 (every fused ReLU, as converters quantize it), what would round to
a negative number saturates, so the rounding of negative numbers does not matter. An output is then a staircase over the
accumulator, and

    y = saturate(floor((accumulator * 2^scale + bias) * multiplier / 2^(32 + after)))

is the same staircase for suitable integers `bias` and `multiplier`, near zero point and scale but not computable from them:
they are searched, and accepted only if all 255 steps lie where TFLite's MultiplyByQuantizedMultiplier has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from edgepack.compile.graph import Data
from edgepack.compile.operators.shared.convolution import Requantization

SHIFT = 10  # as in the DSP kernels: right shifts of 3 to 11 then leave multipliers of 21 to 31 bits
_SLOPES = 3 * np.arange(-32, 33) / 32  # how far the last step may move, in scaled accumulators, while searching


def applies(requantization: Requantization) -> bool:
    """Whether rounding of negative numbers does not matter."""
    return (requantization.out_zero, requantization.out_min, requantization.out_max) == (-128, -128, 127)


def steps(multiplier: int, shift: int) -> Data:
    """The smallest accumulators that TFLite maps to -127, -126, …, 127; zero point -128, -22 <= shift <= -1 (255 int64)."""
    rises = np.arange(1, 256, dtype=np.int64)
    high = (rises << -shift) - (1 << (-shift - 1))  # what the doubling multiplication must reach
    return -((-((high << 31) - (1 << 30))) // multiplier)


@lru_cache(maxsize=4096)
def fit(bias: int, multiplier: int, shift: int, scale: int, after: int = SHIFT) -> tuple[int, int] | None:
    """Bias and multiplier for a channel's folded bias, 31-bit multiplier and TFLite shift; None if there are none.

    `after` is the shift right after the multiplication.

    The accumulator then starts from zero: its own bias is part of the result.
    """
    if not (-22 <= shift <= -1 and multiplier > 0):
        return None
    outputs = np.arange(-127, 128, dtype=np.int64)
    first = (steps(multiplier, shift) - bias) << scale
    ideal = multiplier * 2.0 ** (1 + after - scale + shift)
    width = 2.0 ** (31 - shift + scale) / multiplier  # of a step, in scaled accumulators
    candidates = np.unique(np.rint(ideal * (1 + _SLOPES / (255 * width))).astype(np.int64))
    candidates = candidates[(candidates > 0) & (candidates < 1 << 31)]
    # (first + bias) * candidate must reach outputs * 2^(32 + after), and with the accumulator before, must not.
    least = -((-(outputs << (32 + after))) // candidates[:, None]) - first
    low, high = least.max(axis=1, initial=-(1 << 60)), least.min(axis=1, initial=1 << 60) + (1 << scale) - 1
    good = np.flatnonzero(low <= high)
    if good.size == 0:
        return None
    best = good[np.argmin(np.abs(candidates[good] - ideal))]
    return int((low[best] + high[best]) // 2), int(candidates[best])


def fits(requantization: Requantization, scale: int, after: int = SHIFT) -> tuple[tuple[int, int] | None, ...]:
    """`fit` of every channel; all None where the one-sided form does not apply."""
    channels = zip(requantization.bias.tolist(), requantization.multiplier.tolist(), requantization.shift.tolist(), strict=True)
    if not applies(requantization):
        return (None,) * requantization.bias.size
    return tuple(fit(bias, multiplier, shift, scale, after) for bias, multiplier, shift in channels)


def stays_within(requantization: Requantization, biases: Sequence[int], scale: int, bits: int) -> bool:
    """Whether the scaled accumulators with these biases, one a channel, are below 2^bits for every input, without sign."""
    moved = [abs(bias - (own << scale)) for bias, own in zip(biases, requantization.bias.tolist(), strict=True)]
    return (requantization.largest << scale) + max(moved, default=0) < 1 << bits


def stays_in_32_bits(requantization: Requantization, biases: Sequence[int], scale: int) -> bool:
    """Whether the scaled accumulators with these biases, one a channel, fit a signed word for every input."""
    return stays_within(requantization, biases, scale, 31)
