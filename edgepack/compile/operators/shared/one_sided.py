"""The one-sided requantisation: one multiplication, one shift and one saturation for TFLite's two roundings and a clamp.

    y = saturate(origin + floor((sum * 2^scale + bias) * multiplier / 2^(32 + after)))

is the staircase that a channel's outputs are (staircase.py), for suitable integers `bias` and `multiplier`, near zero point and
scale but not computable from them: they are searched, and accepted only if all steps that can occur lie where TFLite has them.
TFLite rounds negative numbers otherwise than positive ones, which bends the staircase at the zero point. So there are such
numbers where the zero point is -128 (every fused ReLU, as converters quantize it), where the multiplier is at least a half, which
TFLite rounds once, and where few outputs can occur.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from edgepack.compile.graph import Data
from edgepack.compile.operators.shared.requantize import Requantization
from edgepack.compile.operators.shared.roundest import Ways, shortest
from edgepack.compile.operators.shared.staircase import WORD, Channel, slopes, steps

SHIFT = 10  # as in the DSP kernels: right shifts of 3 to 11 then leave multipliers of 21 to 31 bits
_SLOPES = 3 * np.arange(-32, 33) / 32  # how far the last step may move, in scaled accumulators, while searching
HALF_BITS = 13  # EP_FRAMED_HALF: bits of a fraction that `half` is divided from
_BESIDE = np.outer(1 << np.arange(7), [1, -1]).reshape(-1)  # tried beside round multipliers
_FEW = 8  # steps; more than these do not hide the bend at the zero point


@lru_cache(maxsize=1 << 14)
def fit(
    channel: Channel, scale: int, after: int = SHIFT, origin: int = 0, bits: int = 31, even: bool = False, short: bool = False
) -> tuple[int, int] | None:
    """Bias and multiplier for a channel, whose sum starts from zero: its own bias is part of the result. None if there are none.

    `after` is the shift right after the multiplication. The multiplier, and the sum once it is scaled and has its bias, are below
    2^bits, without sign. `even`: the multiplier is. Of several those nearest to TFLite's are taken, or the `short` ones.
    """
    ways = _ways(channel, scale, after, origin, bits, even, False)
    if ways is None:
        return None
    if not short:
        return _nearest(ways)
    multiplier, (bias,) = shortest([ways])[0]
    return bias, multiplier


def _nearest(ways: Ways) -> tuple[int, int]:
    """The bias in the middle of what may be beside the first multiplier."""
    return int(ways.least[0, 0] + ways.most[0, 0] - 2 * ways.added[0]) // 2, int(ways.multipliers[0])


def fits(
    requantization: Requantization, scale: int, after: int = SHIFT, bits: int = 31, even: int = 0, halved: bool = False
) -> tuple[tuple[int, int] | None, ...]:
    """`fit` of every channel; of each `even` channels the first has an even multiplier.

    Channels of the same multiplier get the same one, and biases that differ as theirs do, where few pairs of numbers will do for
    all of the layer's: a code then stores them once (edgepack/coding/frame.py). `halved`: numbers are short, biases without
    their `half`; searching these takes time.
    """
    whole = requantization.whole or requantization
    found = _fits(whole.channels(), scale, after, bits, even, halved)
    return found[requantization.start : requantization.start + requantization.bias.size]


@lru_cache(maxsize=256)
def _fits(
    channels: tuple[Channel, ...], scale: int, after: int, bits: int, even: int, halved: bool
) -> tuple[tuple[int, int] | None, ...]:
    """`fits` of all channels of a layer."""
    classes: dict[tuple[int, int], list[Channel]] = {}
    for channel in channels:
        classes.setdefault((channel.multiplier, channel.shift), []).append(channel)
    few = 2 * len(classes) <= len(channels)
    together = {
        key: _together(each, scale, after, bits, even > 0, halved) for key, each in classes.items() if few and len(each) > 1
    }
    found: list[tuple[int, int] | None] = []
    alone: dict[int, Ways] = {}
    for place, channel in enumerate(channels):
        same = together.get((channel.multiplier, channel.shift))
        found.append((same[0] + (channel.bias << scale), same[1]) if same else None)
        ways = None if same else _ways(channel, scale, after, 0, bits, even > 0 and place % even == 0, halved)
        if ways:
            alone[place] = ways
    if not halved:
        for place, ways in alone.items():
            found[place] = _nearest(ways)
        return tuple(found)
    for place, (multiplier, (bias,)) in zip(alone, shortest(list(alone.values())), strict=True):
        found[place] = bias, multiplier
    return tuple(found)


def half(multiplier: int, scale: int, after: int) -> int:
    """What a bias takes from a sum for the zero point of -128, the half that rounds, and the rounding before TFLite's shift:
    (2^8 - 1 - 2^-right) * 2^(31 + after) / multiplier, for the right shift that its size tells.

    0 where it is not computed: see ep_unpack_framed.h.
    """
    zeros_before = 32 - multiplier.bit_length()
    right = after - scale + zeros_before
    steps = 31 + after - HALF_BITS
    if not (0 <= right <= HALF_BITS and 0 < steps <= 31 and multiplier > 255 << HALF_BITS):
        return 0
    return (((255 << HALF_BITS) - (1 << HALF_BITS >> right)) << steps) // multiplier


@dataclass(frozen=True, eq=False)
class _Stairs:
    """What a channel's constants have to give: the lowest output that occurs, how many steps are above it, the least sum without
    bias that gives each, ends included (steps + 2,), and between which slopes that can be."""

    lowest: int
    count: int
    first: Data
    slopes: tuple[float, float]


@lru_cache(maxsize=1 << 12)
def _stairs(channel: Channel) -> _Stairs | None:
    """None where no constants can give them."""
    if channel.wraps or channel.multiplier <= 0:
        return None
    lowest, firsts = steps(channel)
    highest = lowest + firsts.size
    if channel.shift < 0 and lowest < channel.out_zero < highest and firsts.size > _FEW:
        return None
    occurring = channel.occurring(firsts)
    first = np.array([channel.least, *occurring.tolist(), channel.most + channel.grid]) - channel.bias
    return _Stairs(lowest, firsts.size, first, slopes(np.arange(firsts.size), occurring, channel.grid))


@lru_cache(maxsize=1 << 14)
def _ways(channel: Channel, scale: int, after: int, origin: int, bits: int, even: bool, halved: bool) -> Ways | None:
    """Biases and multipliers that do, if there are any; biases without their `half`."""
    stairs = _stairs(channel)
    if stairs is None:
        return None
    lowest, highest = stairs.lowest, stairs.lowest + stairs.count
    limit, grid, unit = min(1 << bits, WORD), channel.grid, 2.0 ** (32 + after - scale)
    ideal = channel.multiplier * 2.0 ** (1 + after - scale + channel.shift)
    width = 2.0 ** (31 - channel.shift + scale) / channel.multiplier  # of a step, in scaled accumulators
    bounds = max(stairs.slopes[0] * unit, 0.5), min(stairs.slopes[1] * unit, limit - 0.5)
    candidates = _candidates(ideal, grid / (max(stairs.count, 1) * width), 2 if even else 1, bounds)
    if not candidates.size:
        return None
    # From the lowest output, which the least accumulator must reach, to the one above the highest, which none may.
    targets = np.arange(lowest - origin, highest + 2 - origin, dtype=np.int64) << (32 + after)
    first = stairs.first << scale
    least = -((-targets) // candidates[:, None]) - first  # of the biases that reach
    reach, avoid = slice(1 if lowest == -128 else 0, -1), slice(1, -1 if highest == 127 else None)  # the rest saturates
    low = np.maximum(least[:, reach].max(axis=1, initial=-limit), -limit - int(first[0]))
    high = np.minimum(least[:, avoid].min(axis=1, initial=limit), limit - int(first[-1])) + (grid << scale) - 1
    good = low <= (high := np.minimum(high, limit - 1))
    if not good.any():
        return None
    added = np.array([half(each, scale, after) if halved else 0 for each in candidates[good].tolist()], np.int64)
    return Ways(candidates[good], (low[good] + added)[:, None], (high[good] + added)[:, None], added)


def _candidates(ideal: float, slope: float, step: int, bounds: tuple[float, float]) -> Data:
    """Multipliers near the ideal one, within bounds: some that move the last step by up to so much of them, and round ones."""
    if step * math.ceil(bounds[0] / step) > bounds[1]:
        return np.zeros(0, np.int64)
    near = step * np.rint(ideal / step * (1 + _SLOPES * slope)).astype(np.int64)
    unit = 1 << np.arange(max(int(ideal).bit_length(), 1), dtype=np.int64)
    round_ones = (np.rint(ideal / unit).astype(np.int64) + np.arange(-1, 2)[:, None]) * unit
    beside = round_ones[(abs(round_ones - ideal) <= slope * ideal) & (unit >= 1 << 8)][:, None] + _BESIDE
    found = np.concatenate([near, round_ones.reshape(-1), beside.reshape(-1)])
    found = np.unique(found[(found > bounds[0]) & (found < bounds[1]) & (found % step == 0)])
    return np.asarray(found[np.argsort(abs(found - ideal), kind="stable")])


def _together(channels: Sequence[Channel], scale: int, after: int, bits: int, even: bool, short: bool) -> tuple[int, int] | None:
    """Bias and multiplier for channels of one multiplier, to which each adds its own bias; None if there are none."""
    least, most = min(channel.least for channel in channels), max(channel.most for channel in channels)
    found = fit(channels[0]._replace(bias=0, least=least, most=most, grid=1), scale, after, bits=bits, even=even, short=short)
    if found is None:
        return None
    biases, limit = [found[0] + (channel.bias << scale) for channel in channels], min(1 << bits, WORD)
    return found if -limit <= min(biases) and max(biases) < limit else None
