"""Weights and constants as one stream of words, in the order in which kernels/shared/ep_gemm_2x4.h reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgepack.compile.graph import Data
from edgepack.compile.operators.shared.exact import SCALE, exact_constants
from edgepack.compile.operators.shared.one_sided import fit
from edgepack.compile.operators.shared.requantize import Requantization
from edgepack.compile.operators.shared.staircase import Channel

GROUP = 4  # output channels side by side
EXACTLY, LAST = 1 << 30, 1 << 31  # flags of a group


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
    size = filters.shape[1]
    pairs = paired(filters)
    if pairs is None:
        return None
    channels = requantization.channels()
    words: list[int] = []
    whole = 0
    for group, weights_of in enumerate(pairs):
        end = GROUP * (group + 1)
        constants = _constants(channels[end - GROUP : end])
        if constants is None:
            return None
        words += _group(weights_of, constants, end == len(channels) // GROUP * GROUP or group == len(pairs) - 1)
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


def _constants(channels: Sequence[Channel]) -> list[tuple[int, ...]] | None:
    """Of one group's channels: bias and multiplier each, if all can be one-sided, else with offset and shift."""
    one_sided = [fit(channel, SCALE) for channel in channels]
    if None not in one_sided:
        return [found for found in one_sided if found is not None]
    exact = [exact_constants(channel) for channel in channels]
    return None if None in exact else [found for found in exact if found is not None]


def _group(pairs: Data, constants: list[tuple[int, ...]], ends: bool) -> list[int]:
    """One group's words; channels that are missing from the last group compute something that nobody reads."""
    exactly = len(constants[0]) > 2
    missing: tuple[int, ...] = (0, 1, 0, 8) if exactly else (0, 1)
    a, b, c, d = [*constants, *[missing] * (GROUP - len(constants))]
    flags = (EXACTLY if exactly else 0) | (LAST if ends else 0)
    return [b[0], d[0], *pairs.reshape(-1).tolist(), flags, *a, *b[1:], *c, *d[1:]]


def unpaired(words: Data, depth: int) -> tuple[Data, Data]:
    """What a stream was made of: int8 weights [group][four values][channel A to D][4], and the int32 numbers between them."""
    weights, constants, at = [], [], 0
    while at < words.size:
        biases, pairs, flags = words[at : at + 2], words[at + 2 : at + 2 + depth], int(words[at + 2 + depth])
        end = at + 3 + depth + (14 if flags & EXACTLY else 6)
        weights.append(pairs)
        constants += [biases, words[at + 2 + depth : end]]
        at = end
    halves = (
        np.concatenate(weights).view(np.int16).reshape(-1, 2, 2, 2).astype(np.int32)
    )  # [four values][even or odd][AB or CD][k, k']
    lower = halves.astype(np.int8)
    both = np.stack([lower, (halves - lower) >> 8], axis=3)  # … [A or B, C or D]
    values = both.transpose(0, 2, 3, 4, 1).astype(np.int8)  # [four values][AB or CD][which][k, k'][even or odd]
    return values.reshape(-1), np.concatenate(constants)
