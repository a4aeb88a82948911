"""Weights and constants as one stream of words, in the order in which kernels/shared/ep_gemm_2x4.h reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from edgepack.compile.graph import Data
from edgepack.compile.operators.shared.exact import SCALE, exact_constants, shifted_constants, short_constants
from edgepack.compile.operators.shared.one_sided import fits
from edgepack.compile.operators.shared.requantize import Requantization
from edgepack.compile.operators.shared.staircase import Channel

GROUP = 4  # output channels side by side
LAST = 1 << 31  # in the word of a group's first multiplier
NARROW, SHIFTED, WIDE = 6, 8, 15  # words after a group's weights
ALL_SHIFTED = 1 << 15  # in the word of the first channel's shift
NOTHING = (0, 1, 0, 8)  # exact constants of no channel


@dataclass(frozen=True, eq=False)
class Stream:
    """The words (int32), how many of them belong to whole groups of four channels, and `groups` of words, of which some channels
    need two. `depth`: values of a filter, padded."""

    words: Data
    whole: int
    groups: int
    depth: int


def pack(weights: Data, requantization: Requantization) -> Stream | None:
    """Filters (channels, ...) and how their sums become outputs; None where the kernel cannot do this exactly.

    A group whose four channels have a one-sided requantisation uses it; the others use TFLite's two roundings as they are, in
    the short form where all four can.
    """
    values = _values(weights.reshape(weights.shape[0], -1))
    channels, one_sided = requantization.channels(), fits(requantization, SCALE, even=GROUP, halved=True)
    words: list[int] = []
    whole = groups = 0
    for group, four in enumerate(values):
        end = GROUP * (group + 1)
        last = end == len(channels) // GROUP * GROUP or group == len(values) - 1
        words_of = _words(four, channels[end - GROUP : end], one_sided[end - GROUP : end], LAST if last else 0)
        if None in words_of:
            return None
        words += [word for each in words_of for word in each or ()]
        groups += len(words_of)
        if end <= len(channels):
            whole = len(words)
    return Stream(np.array(words, np.int64).astype(np.uint32).view(np.int32), whole, groups, values.shape[2] * 2)


def paired(filters: Data) -> Data | None:
    """Words (groups, pairs of values, 2): of each group's channels A, B, C, D the words 256 B + A and 256 D + C.

    None if weights of -128 make such a sum leave 16 bits.
    """
    values = _values(filters)
    return _pairs(values) if _fit(values) else None


def _values(filters: Data) -> Data:
    """Filters (channels, size) as (groups, A to D, pairs of values, 2), zeros appended to whole groups and two pairs."""
    channels, size = filters.shape
    padded = np.zeros((-(-channels // GROUP) * GROUP, -(-size // 4) * 4), np.int64)
    padded[:channels, :size] = filters
    # SXTB16 takes bytes 0 and 2 of a word, then 1 and 3.
    return padded.reshape(-1, padded.shape[1] // 4, 4)[:, :, [0, 2, 1, 3]].reshape(-1, GROUP, padded.shape[1] // 2, 2)


def _sums(values: Data) -> Data:
    """256 B + A and 256 D + C."""
    return np.asarray(256 * values[..., 1::2, :, :] + values[..., 0::2, :, :])


def _fit(values: Data) -> bool:
    """Whether 256 B + A and 256 D + C are 16-bit numbers."""
    return bool(_sums(values).min(initial=0) >= -(1 << 15))


def _pairs(values: Data) -> Data:
    sums = _sums(values)
    return np.asarray((sums[..., 0] & 0xFFFF) | (sums[..., 1] & 0xFFFF) << 16).swapaxes(-1, -2)


def _words(
    four: Data, channels: Sequence[Channel], one_sided: Sequence[tuple[int, int] | None], last: int
) -> list[list[int] | None]:
    """One or two groups of words for four channels; those that are missing compute something that nobody reads."""
    if _fit(four):
        return [_group(_pairs(four).reshape(-1).tolist(), channels, one_sided, last)]
    for order in permutations(range(GROUP)):
        if _fit(four[list(order)]):
            return [_placed(four, channels, order, order, GROUP, last)]
    # No order will do, so each has zeros beside it. What computes nothing is the last output's, which comes last.
    return [
        _placed(four, channels, (0, None, 1, None), (0, 3, 1, 3), 0, 0),
        _placed(four, channels, (2, None, None, 3), (2, 3, 3, 3), GROUP, last),
    ]


def _group(
    pairs: list[int], channels: Sequence[Channel], one_sided: Sequence[tuple[int, int] | None], last: int
) -> list[int] | None:
    """The words of four channels in their order, in the cheapest form that all of them have; missing ones have the last one's."""
    if None not in one_sided:
        a, b, c, d = _four(one_sided, one_sided[-1])
        return [b[0], d[0], *pairs, a[0], a[1] >> 1 | last, b[1], *c, d[1]]
    short = [short_constants(channel) for channel in channels]
    if None not in short:
        a, b, c, d = _four(short, short[-1])
        return [b[0], d[0], *pairs, a[0], a[1] | last, b[1], *c, d[1]]
    shifted = [shifted_constants(channel) for channel in channels]
    if None not in shifted:
        a, b, c, d = _four(shifted, shifted[-1])
        shifts = sum(constants[3] << 8 * place for place, constants in enumerate((a, b, c, d)))
        return [b[0], d[0], *pairs, a[0], last, 1 << 31 | shifts, a[1], b[1], c[0], c[1], d[1]]
    return _wide(pairs, channels, range(GROUP), GROUP, last)


def _placed(
    four: Data, channels: Sequence[Channel], order: Sequence[int | None], places: Sequence[int], step: int, last: int
) -> list[int] | None:
    """The words of four channels, or zeros, in this order: the wide form, which says where each one's output belongs."""
    values = np.stack([np.zeros_like(four[0]) if which is None else four[which] for which in order])
    kept = [channels[which] if which is not None and which < len(channels) else None for which in order]
    return _wide(_pairs(values).reshape(-1).tolist(), kept, places, step, last)


def _wide(pairs: list[int], channels: Sequence[Channel | None], places: Sequence[int], step: int, last: int) -> list[int] | None:
    """The wide form of channels, of which some may be missing: one-sided where all are."""
    kind, found = ALL_SHIFTED, [NOTHING if channel is None else shifted_constants(channel) for channel in channels]
    if None in found:
        kind, found = 0, [NOTHING if channel is None else exact_constants(channel) for channel in channels]
    if None in found:
        return None
    also = (kind, 0, 0, step << 16)
    a, b, c, d = (
        (*constants[:3], constants[3] | place << 8 | bits)
        for constants, place, bits in zip(_four(found, NOTHING), places, also, strict=True)
    )
    return [b[0], d[0], *pairs, a[0], last, a[3], *a[1:3], *b[1:], *c, *d[1:]]


def _four(found: Sequence[tuple[int, ...] | None], missing: tuple[int, ...] | None) -> list[tuple[int, ...]]:
    """The constants of a group's four channels."""
    return [constants for constants in (*found, *[missing] * (GROUP - len(found))) if constants is not None]


def unpaired(words: Data, depth: int) -> tuple[Data, Data]:
    """What a stream was made of: int8 weights [group][four values][channel A to D][4], and the int32 numbers between them."""
    weights, constants, at = [], [], 0
    while at < words.size:
        between = at + 2 + depth
        end = between + (NARROW if int(words[between + 1]) & (LAST - 1) else SHIFTED if words[between + 2] < 0 else WIDE)
        weights.append(words[at + 2 : between])
        constants += [words[at : at + 2], words[between:end]]
        at = end
    # Halves of words: [four values][even or odd][AB or CD][k, k'].
    halves = np.concatenate(weights).view(np.int16).reshape(-1, 2, 2, 2).astype(np.int32)
    lower = halves.astype(np.int8)
    both = np.stack([lower, (halves - lower) >> 8], axis=3)  # … [A or B, C or D]
    values = both.transpose(0, 2, 3, 4, 1).astype(np.int8)  # [four values][AB or CD][which][k, k'][even or odd]
    return values.reshape(-1), np.concatenate(constants)
