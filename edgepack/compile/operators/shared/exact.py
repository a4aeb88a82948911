"""The exact requantisations of the DSP kernels, kernels/shared/ep_gemm.h: TFLite's two roundings as they are.

t = 256 * sum + bias
y = saturate((floor(t * multiplier / 2^32) + offset - (t < 0 ? 128 : 0)) >> shift)

and, with the shift in the low byte of the bias, for which h = round(floor(t / 128) * multiplier / 2^32):

y = saturate((((h - (h < 0)) >> shift) + 2 * zero point + 1) >> 1)
"""

from __future__ import annotations

import numpy as np

from edgepack.compile.operators.shared.one_sided import SHIFT, fit
from edgepack.compile.operators.shared.staircase import WORD, Channel
from edgepack.compile.quantize import SHORT_SHIFTS

SCALE = 8  # sums are scaled by 256
_ADDED = 7  # to a multiplier's right shift, by the scale: 2^7 stands for the half that negative numbers round by
_LARGEST = 21  # shift of constants that are searched

_STEEPEST = np.minimum(np.arange(128, 0, -1, dtype=np.int64) << 24, WORD - 1)  # multipliers that raise outputs by 128, 127 ...
_OFFSETS = np.arange(-128, 256, dtype=np.int64)

Constants = tuple[int, int, int, int]
"""Bias, multiplier, offset and shift."""


def short_constants(channel: Channel) -> tuple[int, int] | None:
    """One channel's bias, with the shift in its low byte, and multiplier; None where they would not do."""
    if not _scalable(channel) or -channel.shift not in SHORT_SHIFTS or channel.clamps or channel.multiplier < 1 << 30:
        return None
    return (channel.bias << SCALE) + -channel.shift - 1, channel.multiplier


def _scalable(channel: Channel) -> bool:
    """Whether its accumulators, scaled, are 32-bit numbers."""
    return not channel.wraps and channel.least << SCALE >= -WORD and channel.most << SCALE < WORD


def exact_constants(channel: Channel) -> Constants | None:
    """One channel's constants; None where there are none. Large accumulators have some where it is their bias that is large."""
    right = _ADDED - channel.shift
    if right < 0:
        return _bent(channel)
    if not _scalable(channel) or -channel.shift not in SHORT_SHIFTS or channel.clamps:
        return _searched(channel, min(right, _LARGEST))
    offset = (1 << (_ADDED - 1)) + ((2 * channel.out_zero + 1) << (right - 1))
    return (channel.bias << SCALE, channel.multiplier, offset, right) if abs(offset) < 1 << 30 else None


def shifted_constants(channel: Channel) -> Constants | None:
    """The one-sided requantisation with a shift of its own, without offset; None where there is none."""
    for shift in range(SHIFT, -1, -1):
        found = fit(channel, SCALE, shift)
        if found is not None:
            return (*found, 0, shift)
    return None


def _searched(channel: Channel, shift: int) -> Constants | None:
    """The one-sided requantisation as an exact one: t is nowhere negative but where outputs saturate."""
    lowest = channel.output(channel.least)
    found = fit(channel, SCALE, shift, origin=lowest)
    return None if found is None else (*found, lowest << shift, shift)


def _bent(channel: Channel) -> Constants | None:
    """Constants for a multiplier of 128 and more, which the multiplication cannot reach: the 128 taken from negative t helps.

    All but three accumulators at most saturate. So t is zero at the first or second of these, and slope and offset are tried out.
    """
    for zero in (0, 1):
        least, most = (256 * (bound - zero) for bound in (channel.least, channel.most))
        if channel.wraps or least < -WORD or most >= WORD:
            return None
        near = np.array([each for each in range(zero - 3, zero + 4) if channel.least <= each <= channel.most], np.int64)
        expected = np.array([channel.output(each) for each in near.tolist()])
        t = 256 * (near - zero)
        raised = (t * _STEEPEST[:, None, None] >> 32) - (t < 0) * 128 + _OFFSETS[:, None]
        good = np.argwhere((raised.clip(-128, 127) == expected).all(axis=2))
        if near.size and good.size:
            slope, offset = good[0].tolist()
            return 256 * (channel.bias - zero), int(_STEEPEST[slope]), int(_OFFSETS[offset]), 0
    return None
