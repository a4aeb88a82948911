"""The blocks of weights that are not zero, as streams of words: what kernels/shared/ep_gemm_blocks.h reads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgepack.compile.graph import Data
from edgepack.compile.operators.shared.convolution import padded_rows
from edgepack.compile.operators.shared.exact import SCALE, exact_constants, shifted_constants
from edgepack.compile.operators.shared.one_sided import fit
from edgepack.compile.operators.shared.requantize import Requantization
from edgepack.compile.operators.shared.staircase import Channel

BLOCK = 4  # weights, neighbours in a filter
ROUND = 8  # blocks whose gaps share a word
LONGEST = 15  # gap; a longer one has a block of zeros in it
CODE, CODE_LANES, CODE_ROW, CODE_ROW_LANES = 60, 54, 24, 60  # bytes of a block's instructions in ep_gemm_blocks, _lanes and so on
ROW_ROUND, ROW_LONGEST = 4, 31  # the same of ep_gemm_blocks_row
LARGEST = (1 << 16) - 1  # bytes from a filter's first gaps to its constants
WIDE = 1 << 31  # in a channel's multiplier: two more words follow
MOST = 0.8  # of the blocks: with more the kernels are neither smaller nor faster than those that read every weight


def block_density(weights: Data) -> float:
    """The share of the blocks that are not zero."""
    blocks = padded_rows(weights).reshape(-1, BLOCK)
    return float(blocks.any(axis=1).mean())


def gaps_of(row: Data, longest: int) -> tuple[list[int], Data]:
    """Of a filter, padded: the blocks to pass over before each block that is kept, and these blocks (count, BLOCK), int8."""
    blocks = row.reshape(-1, BLOCK)
    gaps, kept, before = list[int](), list[int](), -1
    for place in np.flatnonzero(blocks.any(axis=1)).tolist():
        far = range(before + longest + 1, place, longest + 1)  # blocks of zeros, for no gap is longer
        kept += [*far, place]
        gaps += [*(longest for _ in far), (place - before - 1) % (longest + 1)]
        before = place
    return gaps, blocks[kept].astype(np.int8)


def pack_blocks(weights: Data, requantization: Requantization) -> Data | None:
    """The stream of filters (channels, ...), int32; None where the kernel cannot do this exactly."""
    words: list[int] = []
    for row, channel in zip(padded_rows(weights), requantization.channels(), strict=True):
        constants = _constants(channel)
        filter_ = list(_filter(*gaps_of(row, LONGEST)))
        if constants is None or 4 * len(filter_) > LARGEST:
            return None
        words += [_head(filter_, CODE), *filter_, *constants]
    return _int32(words)


def pack_blocks_lanes(weights: Data, code: int) -> Data | None:
    """The same of the blocks alone, for ep_gemm_blocks_lanes.h and its row's; None where a filter is too large.

    `code` are the bytes of a block's instructions there.
    """
    words: list[int] = []
    for row in padded_rows(weights):
        filter_ = list(_filter(*gaps_of(row, LONGEST), shifted=True))
        if 4 * len(filter_) > LARGEST:
            return None
        words += [_head(filter_, code), *filter_]
    return _int32(words)


def pack_blocks_row(weights: Data, requantization: Requantization) -> Data | None:
    """The stream for ep_gemm_blocks_row.h; None where the kernel cannot do this exactly."""
    words: list[int] = []
    for row, channel in zip(padded_rows(weights), requantization.channels(), strict=True):
        constants = _constants(channel)
        gaps, blocks = gaps_of(row, ROW_LONGEST)
        missing = -len(gaps) % ROW_ROUND if gaps else ROW_ROUND
        gaps = [0] * missing + gaps
        values = [0] * missing + blocks.view("<u4").reshape(-1).tolist()
        rounds = [
            (sum(8 * gap << 8 * place for place, gap in enumerate(gaps[at : at + ROW_ROUND])), *values[at : at + ROW_ROUND])
            for at in range(0, len(gaps), ROW_ROUND)
        ]
        filter_ = [word for each in rounds for word in each]
        if constants is None or 4 * len(filter_) > LARGEST:
            return None
        words += [(missing * CODE_ROW + 1) | 4 * len(filter_) << 16, *filter_, *constants]
    return _int32(words)


def _int32(words: list[int]) -> Data:
    return np.array(words, np.int64).astype(np.uint32).view(np.int32)


def _head(filter_: list[int], code: int) -> int:
    """Where a filter begins in a round of the kernel's loop, an address of Thumb code, and how many bytes it has."""
    count = len(filter_) - -(-len(filter_) // (ROUND + 1))  # without the words of gaps
    first = -count % ROUND if count else ROUND
    return (first * code + 1) | 4 * len(filter_) << 16


def _filter(gaps: list[int], blocks: Data, shifted: bool = False) -> Iterator[int]:
    """Words of gaps, each before the blocks of its round. The first is short, its gaps in the upper bits, or `shifted` down."""
    found = blocks.view("<u4").reshape(-1).tolist()
    short = -len(found) % ROUND
    for start in range(-short, max(len(found), 1), ROUND):
        places = range(max(start, 0), min(start + ROUND, len(found)))
        yield sum(gaps[place] << 4 * (place - (places.start if shifted else start)) for place in places)
        yield from (found[place] for place in places)


def _constants(channel: Channel) -> tuple[int, ...] | None:
    """What follows a filter: bias and multiplier of the one-sided requantisation, or those of a general form, its offset, and its
    shift beside what it takes from negative sums."""
    one_sided = fit(channel, SCALE)
    if one_sided is not None:
        return one_sided
    shifted = shifted_constants(channel)
    found = shifted or exact_constants(channel)
    if found is None:
        return None
    bias, multiplier, offset, shift = found
    return bias, multiplier | WIDE, offset, shift | (0 if shifted else 128 << 8)
