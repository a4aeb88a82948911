"""The one-sided requantisation: one multiplication, one shift and one saturation for TFLite's two roundings and a clamp.

    y = saturate(origin + floor((sum * 2^scale + bias) * multiplier / 2^(32 + after)))

is the staircase that a channel's outputs are (staircase.py), for suitable integers `bias` and `multiplier`, near zero point and
scale but not computable from them: they are searched, and accepted only if all steps that can occur lie where TFLite has them.
TFLite rounds negative numbers otherwise than positive ones, which bends the staircase at the zero point. So there are such
numbers where the zero point is -128 (every fused ReLU, as converters quantize it), where the multiplier is at least a half, which
TFLite rounds once, and where few outputs can occur.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from edgepack.compile.operators.shared.requantize import Requantization
from edgepack.compile.operators.shared.staircase import WORD, Channel, steps

SHIFT = 10  # as in the DSP kernels: right shifts of 3 to 11 then leave multipliers of 21 to 31 bits
_SLOPES = 3 * np.arange(-32, 33) / 32  # how far the last step may move, in scaled accumulators, while searching
_FEW = 8  # steps; more than these do not hide the bend at the zero point


@lru_cache(maxsize=1 << 14)
def fit(
    channel: Channel, scale: int, after: int = SHIFT, origin: int = 0, bits: int = 31, even: bool = False
) -> tuple[int, int] | None:
    """Bias and multiplier for a channel, whose sum starts from zero: its own bias is part of the result. None if there are none.

    `after` is the shift right after the multiplication. The multiplier, and the sum once it is scaled and has its bias, are below
    2^bits, without sign. `even`: the multiplier is.
    """
    if channel.wraps or channel.multiplier <= 0:
        return None
    lowest, firsts = steps(channel)
    highest = lowest + firsts.size
    if channel.shift < 0 and lowest < channel.out_zero < highest and firsts.size > _FEW:
        return None
    limit = min(1 << bits, WORD)
    # From the lowest output, which the least accumulator must reach, to the one above the highest, which none may.
    targets = np.arange(lowest - origin, highest + 2 - origin, dtype=np.int64) << (32 + after)
    first = (np.array([channel.least, *firsts.tolist(), channel.most + 1]) - channel.bias) << scale
    ideal = channel.multiplier * 2.0 ** (1 + after - scale + channel.shift)
    width = 2.0 ** (31 - channel.shift + scale) / channel.multiplier  # of a step, in scaled accumulators
    step = 2 if even else 1
    candidates = step * np.unique(np.rint(ideal / step * (1 + _SLOPES / (max(firsts.size, 1) * width))).astype(np.int64))
    candidates = candidates[(candidates > 0) & (candidates < limit)]
    least = -((-targets) // candidates[:, None]) - first  # of the biases that reach
    reach, avoid = slice(1 if lowest == -128 else 0, -1), slice(1, -1 if highest == 127 else None)  # the rest saturates
    low = np.maximum(least[:, reach].max(axis=1, initial=-limit), -limit - int(first[0]))
    high = np.minimum(least[:, avoid].min(axis=1, initial=limit), limit - int(first[-1])) + (1 << scale) - 1
    high = np.minimum(high, limit - 1)
    good = np.flatnonzero(low <= high)
    if good.size == 0:
        return None
    best = good[np.argmin(np.abs(candidates[good] - ideal))]
    return int((low[best] + high[best]) // 2), int(candidates[best])


def fits(requantization: Requantization, scale: int, after: int = SHIFT, bits: int = 31) -> tuple[tuple[int, int] | None, ...]:
    """`fit` of every channel."""
    return tuple(fit(channel, scale, after, bits=bits) for channel in requantization.channels())
