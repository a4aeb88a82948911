"""Weights and constants as one stream of words, in the order in which kernels/shared/ep_gemm_2x4.h reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgepack.compile.graph import Data
from edgepack.compile.operators.shared.convolution import Requantization
from edgepack.compile.operators.shared.one_sided import fits, stays_in_32_bits
from edgepack.compile.quantize import SHORT_SHIFTS

SCALE = 8  # accumulators are scaled by 256
GROUP = 4  # output channels side by side
EXACTLY, LAST = 1 << 30, 1 << 31  # flags of a group
EXACT_SHIFT = 7  # added to a multiplier's right shift by the scale: 2^7 stands for the half that negative numbers round by


@dataclass(frozen=True, eq=False)
class Stream:
    """The words (int32), and how many of them belong to whole groups of four channels. `depth`: values of a filter, padded."""

    words: Data
    whole: int
    depth: int


def pack(weights: Data, requantization: Requantization) -> Stream | None:
    """Filters (channels, ...) and how their sums become outputs; None where the kernel cannot do this exactly.

    A group whose four channels have a one-sided requantisation uses it; the others use TFLite's two roundings as they are.
    """
    filters = weights.reshape(weights.shape[0], -1).astype(np.int64)
    channels, size = filters.shape
    exact = exact_constants(requantization)
    pairs = paired(filters)
    if exact is None or pairs is None:
        return None
    one_sided = fits(requantization, SCALE)
    biases = [found[0] if found else plain for found, (plain, *_) in zip(one_sided, exact, strict=True)]
    if not stays_in_32_bits(requantization, biases, SCALE):
        return None
    words: list[int] = []
    whole = 0
    for group in range(pairs.shape[0]):
        here = slice(GROUP * group, GROUP * group + GROUP)
        ends = here.stop == channels // GROUP * GROUP or group == pairs.shape[0] - 1
        words += _group(pairs[group], one_sided[here], exact[here], ends)
        if here.stop <= channels:
            whole = len(words)
    return Stream(np.array(words, np.int64).astype(np.uint32).view(np.int32), whole, -(-size // 4) * 4)


def paired(filters: Data) -> Data | None:
    """Words (groups, pairs of values, 2): of each group's channels A, B, C, D the words 256 B + A and 256 D + C.

    None if weights of -128 make such a sum leave 16 bits.
    """
    channels, size = filters.shape
    padded = np.zeros((-(-channels // GROUP) * GROUP, -(-size // 4) * 4), np.int64)
    padded[:channels, :size] = filters
    # SXTB16 takes bytes 0 and 2 of a word, then 1 and 3.
    values = padded.reshape(-1, padded.shape[1] // 4, 4)[:, :, [0, 2, 1, 3]].reshape(-1, GROUP, padded.shape[1] // 2, 2)
    sums = 256 * values[:, 1::2] + values[:, 0::2]
    if np.abs(sums).max(initial=0) > 32767:
        return None
    return ((sums[..., 0] & 0xFFFF) | (sums[..., 1] & 0xFFFF) << 16).transpose(0, 2, 1)


def exact_constants(requantization: Requantization) -> list[tuple[int, int, int, int]] | None:
    """Per channel: bias, multiplier, offset and shift of the exact requantisation; None where the kernels cannot do it."""
    if (requantization.out_min, requantization.out_max) != (-128, 127):
        return None
    constants = []
    for bias, multiplier, shift in zip(
        requantization.bias.tolist(), requantization.multiplier.tolist(), requantization.shift.tolist(), strict=True
    ):
        if -shift not in SHORT_SHIFTS:
            return None
        right = EXACT_SHIFT - shift
        offset = (1 << (EXACT_SHIFT - 1)) + ((2 * requantization.out_zero + 1) << (right - 1))
        if abs(offset) >= 1 << 30:
            return None
        constants.append((bias << SCALE, multiplier, offset, right))
    return constants


def _group(
    pairs: Data, one_sided: tuple[tuple[int, int] | None, ...], exact: list[tuple[int, int, int, int]], ends: bool
) -> list[int]:
    """One group's words; channels that are missing from the last group compute something that nobody reads."""
    found = [channel for channel in one_sided if channel is not None]
    constants: list[tuple[int, ...]]
    if len(found) == len(one_sided):
        constants = [*found, *[(0, 1)] * (GROUP - len(found))]
    else:
        constants = [*exact, *[(0, 1, 0, 8)] * (GROUP - len(exact))]
    a, b, c, d = constants
    flags = (EXACTLY if len(found) < len(one_sided) else 0) | (LAST if ends else 0)
    return [b[0], d[0], *pairs.reshape(-1).tolist(), flags, *a, *b[1:], *c, *d[1:]]
