"""The exact requantisation of the DSP kernels, kernels/shared/ep_gemm.h: TFLite's two roundings as they are.

t = 256 * sum + bias
y = saturate((floor(t * multiplier / 2^32) + offset - (t < 0 ? 128 : 0)) >> shift)
"""

from __future__ import annotations

from edgepack.compile.operators.shared.one_sided import fit
from edgepack.compile.operators.shared.staircase import WORD, Channel
from edgepack.compile.quantize import SHORT_SHIFTS

SCALE = 8  # sums are scaled by 256
_ADDED = 7  # to a multiplier's right shift, by the scale: 2^7 stands for the half that negative numbers round by
_LARGEST = 21  # shift of constants that are searched

Constants = tuple[int, int, int, int]
"""Bias, multiplier, offset and shift."""


def exact_constants(channel: Channel) -> Constants | None:
    """One channel's constants; None where there are none."""
    if channel.wraps or channel.least << SCALE < -WORD or channel.most << SCALE >= WORD:
        return None
    right = _ADDED - channel.shift
    if -channel.shift not in SHORT_SHIFTS or channel.clamps:
        return _searched(channel, min(max(right, 0), _LARGEST))
    offset = (1 << (_ADDED - 1)) + ((2 * channel.out_zero + 1) << (right - 1))
    return (channel.bias << SCALE, channel.multiplier, offset, right) if abs(offset) < 1 << 30 else None


def _searched(channel: Channel, shift: int) -> Constants | None:
    """The one-sided requantisation as an exact one: t is nowhere negative but where outputs saturate."""
    lowest = channel.output(channel.least)
    found = fit(channel, SCALE, shift, origin=lowest)
    return None if found is None else (*found, lowest << shift, shift)
