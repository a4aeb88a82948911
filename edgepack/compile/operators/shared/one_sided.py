"""The one-sided requantisation: one multiplication, one shift and one saturation for TFLite's two roundings and a clamp.

    y = saturate(origin + floor((sum * 2^scale + bias) * multiplier / 2^(32 + after)))

is the staircase that a channel's outputs are (staircase.py), for suitable integers `bias` and `multiplier`, near zero point and
scale but not computable from them: they are searched, and accepted only if all steps that can occur lie where TFLite has them.
TFLite rounds negative numbers otherwise than positive ones, which bends the staircase at the zero point. So there are such
numbers where the zero point is -128 (every fused ReLU, as converters quantize it), where the multiplier is at least a half, which
TFLite rounds once, and where few outputs can occur.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def fits(
    requantization: Requantization, scale: int, after: int = SHIFT, bits: int = 31, even: int = 0
) -> tuple[tuple[int, int] | None, ...]:
    """`fit` of every channel; of each `even` channels the first has an even multiplier.

    Channels of the same multiplier get the same one, and biases that differ as theirs do, where one pair of numbers will do for
    all of the layer's: a code then stores it once (edgepack/coding/frame.py).
    """
    classes: dict[tuple[int, int], list[Channel]] = {}
    for channel in (requantization.whole or requantization).channels():
        classes.setdefault((channel.multiplier, channel.shift), []).append(channel)
    together = {key: _together(each, scale, after, bits, even > 0) for key, each in classes.items() if len(each) > 1}
    found = []
    for place, channel in enumerate(requantization.channels()):
        same = together.get((channel.multiplier, channel.shift))
        alone = even > 0 and place % even == 0
        found.append((same[0] + (channel.bias << scale), same[1]) if same else fit(channel, scale, after, bits=bits, even=alone))
    return tuple(found)


def _together(channels: Sequence[Channel], scale: int, after: int, bits: int, even: bool) -> tuple[int, int] | None:
    """Bias and multiplier for channels of one multiplier, to which each adds its own bias; None if there are none."""
    least, most = min(channel.least for channel in channels), max(channel.most for channel in channels)
    found = fit(channels[0]._replace(bias=0, least=least, most=most), scale, after, bits=bits, even=even)
    if found is None:
        return None
    biases, limit = [found[0] + (channel.bias << scale) for channel in channels], min(1 << bits, WORD)
    return found if -limit <= min(biases) and max(biases) < limit else None
