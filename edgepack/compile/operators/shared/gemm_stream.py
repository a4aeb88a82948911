"""Weights and constants as one stream of words, in the order in which kernels/shared/ep_gemm_2x4.h reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgepack.compile.graph import Data
from edgepack.compile.operators.shared.exact import SCALE, exact_constants, short_constants
from edgepack.compile.operators.shared.one_sided import fit
from edgepack.compile.operators.shared.requantize import Requantization
from edgepack.compile.operators.shared.staircase import Channel

GROUP = 4  # output channels side by side
LAST = 1 << 31  # in the word of a group's first multiplier
NARROW, WIDE = 6, 15  # words after a group's weights


@dataclass(frozen=True, eq=False)
class Stream:
    """The words (int32), and how many of them belong to whole groups of four channels. `depth`: values of a filter, padded."""

    words: Data
    whole: int
    depth: int


def pack(weights: Data, requantization: Requantization) -> Stream | None:
    """Filters (channels, ...) and how their sums become outputs; None where the kernel cannot do this exactly.

    A group whose four channels have a one-sided requantisation uses it; the others use TFLite's two roundings as they are, in
    the short form where all four can.
    """
    filters = weights.reshape(weights.shape[0], -1).astype(np.int64)
    size = filters.shape[1]
    pairs = paired(filters)
    if pairs is None:
        return None
    channels = requantization.channels()
    words: list[int] = []
    whole = 0
    for group, weights_of in enumerate(pairs):
        end = GROUP * (group + 1)
        last = end == len(channels) // GROUP * GROUP or group == len(pairs) - 1
        words_of = _group(weights_of.reshape(-1).tolist(), channels[end - GROUP : end], LAST if last else 0)
        if words_of is None:
            return None
        words += words_of
        if end <= len(channels):
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


def _group(pairs: list[int], channels: Sequence[Channel], last: int) -> list[int] | None:
    """One group's words; channels that are missing from the last group compute something that nobody reads."""
    one_sided = [fit(channel, SCALE, even=place == 0) for place, channel in enumerate(channels)]
    if None not in one_sided:
        a, b, c, d = _four(one_sided, (0, 1))
        return [b[0], d[0], *pairs, a[0], a[1] >> 1 | last, b[1], *c, d[1]]
    short = [short_constants(channel) for channel in channels]
    if None not in short:
        a, b, c, d = _four(short, (0, 1 << 30))
        return [b[0], d[0], *pairs, a[0], a[1] | last, b[1], *c, d[1]]
    wide = [exact_constants(channel) for channel in channels]
    if None not in wide:
        a, b, c, d = _four(wide, (0, 1, 0, 8))
        return [b[0], d[0], *pairs, a[0], last, *a[1:], *b[1:], *c, *d[1:]]
    return None


def _four(found: Sequence[tuple[int, ...] | None], missing: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The constants of a group's four channels."""
    return [constants for constants in (*found, *[missing] * (GROUP - len(found))) if constants is not None]


def unpaired(words: Data, depth: int) -> tuple[Data, Data]:
    """What a stream was made of: int8 weights [group][four values][channel A to D][4], and the int32 numbers between them."""
    weights, constants, at = [], [], 0
    while at < words.size:
        between = at + 2 + depth
        end = between + (NARROW if int(words[between + 1]) & (LAST - 1) else WIDE)
        weights.append(words[at + 2 : between])
        constants += [words[at : at + 2], words[between:end]]
        at = end
    # Halves of words: [four values][even or odd][AB or CD][k, k'].
    halves = np.concatenate(weights).view(np.int16).reshape(-1, 2, 2, 2).astype(np.int32)
    lower = halves.astype(np.int8)
    both = np.stack([lower, (halves - lower) >> 8], axis=3)  # … [A or B, C or D]
    values = both.transpose(0, 2, 3, 4, 1).astype(np.int8)  # [four values][AB or CD][which][k, k'][even or odd]
    return values.reshape(-1), np.concatenate(constants)
