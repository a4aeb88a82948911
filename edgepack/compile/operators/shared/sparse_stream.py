"""The weights that are not zero, as streams of words: what kernels/shared/ep_gemm_sparse.h reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgepack.compile.graph import Data
from edgepack.compile.operators.shared.exact import SCALE, short_constants
from edgepack.compile.operators.shared.one_sided import fits
from edgepack.compile.operators.shared.requantize import Requantization

ROUND, CODE = 4, 36  # weights in a round of ep_gemm_sparse's loop, and the bytes of instructions of each
FARTHEST = 255  # words from a weight's pixels to the next one's; a longer way has weights of zero in it
LARGEST = (1 << 16) - 1  # bytes of a filter's weights
SHORT = 1 << 31  # in a channel's multiplier
APART = 1 << 22  # the sum of the first of two pixels is below, without sign


@dataclass(frozen=True)
class Lines:
    """Where a filter's weights (rows of the kernel, phases, channels, taps of a phase) find their pixels, in words.

    Of a row of the kernel every `phases`-th tap is of the same phase. A channel's taps of one phase are `step` words apart, a
    channel's line has `line` words, and the channels' lines follow each other, phase after phase, row after row.
    """

    rows: int
    phases: int
    channels: int
    line: int
    kernel_w: int
    step: int

    @property
    def words(self) -> int:
        """Of all lines."""
        return self.rows * self.phases * self.channels * self.line

    @property
    def taps(self) -> tuple[range, ...]:
        """Each phase's columns of the kernel."""
        return tuple(range(phase, self.kernel_w, self.phases) for phase in range(self.phases))

    def ordered(self, weights: Data) -> Data:
        """Filters (channels, kernel_h, kernel_w, in_c) as rows of weights in the order in which they find their pixels."""
        by_phase = [weights[:, :, list(taps), :].swapaxes(2, 3).reshape(*weights.shape[:2], -1) for taps in self.taps]
        found: Data = np.concatenate(by_phase, axis=2).reshape(weights.shape[0], -1)
        return found

    def places(self) -> Data:
        """The word of each weight, in that order."""
        lines = np.arange(self.channels)[:, None] * self.line
        phases = [
            (lines + self.step * np.arange(len(taps)) + phase * self.channels * self.line).reshape(-1)
            for phase, taps in enumerate(self.taps)
        ]
        row: Data = np.concatenate(phases)
        starts: Data = np.arange(self.rows) * (self.phases * self.channels * self.line)
        found: Data = (starts[:, None] + row).reshape(-1)
        return found


def constants_of(requantization: Requantization) -> list[tuple[int, int]] | None:
    """Bias and multiplier of each channel, one-sided or short; None where one of them is neither."""
    pairs = []
    for channel, one_sided in zip(requantization.channels(), fits(requantization, SCALE, halved=True), strict=True):
        short = short_constants(channel) if one_sided is None else None
        found = one_sided or (short and (short[0], short[1] | SHORT))
        if not found:
            return None
        pairs.append(found)
    return pairs


def stays_apart(weights: Data) -> bool:
    """Whether every filter's sum over int8 values, without its bias, is one that two pixels can have side by side."""
    rows = weights.reshape(weights.shape[0], -1).astype(np.int64)
    low, high = (np.where(rows > 0, rows * a, rows * b).sum(axis=1) for a, b in ((-128, 127), (127, -128)))
    return bool(low.min(initial=0) >= -APART and high.max(initial=0) < APART)


def pack_sparse(rows: Data, lines: Lines, constants: Sequence[tuple[int, int]]) -> Data | None:
    """The stream of filters (channels, weights in the order of `lines`), int32; None where one is too large."""
    words: list[Data] = []
    places = lines.places()
    for row, pair in zip(rows, constants, strict=True):
        weights = _weights(row, places)
        if weights.size > LARGEST:
            return None
        head = (-(weights.size // 2) % ROUND * CODE + 1) | weights.size << 16
        words += [np.array([head], np.int64), weights.view("<u4").astype(np.int64), np.array(pair, np.int64)]
    return np.concatenate(words).astype(np.uint32).view(np.int32)


def _weights(row: Data, places: Data) -> Data:
    """Distance and weight of each weight that is not zero, bytes, of an even number of weights."""
    kept = np.flatnonzero(row)
    zeros, ways = np.divmod(np.diff(places[kept], prepend=0), FARTHEST)
    last = np.cumsum(zeros + 1) - 1  # of the pairs of each weight, before which come weights of zero
    count = int(last[-1]) + 1 if last.size else 0
    pairs = np.full((count + (count % 2 if count else 2), 2), (FARTHEST, 0), np.uint8)
    pairs[last] = np.stack([ways, row[kept].astype(np.int64) & 255], axis=1)
    pairs[count:] = 0
    return pairs.reshape(-1)


def unpacked_sparse(stream: Data, lines: Lines) -> tuple[Data, Data]:
    """What a stream was made of: filters (channels, weights in that order), int8, and constants (channels, 2), int32."""
    places = lines.places()
    which = np.zeros(lines.words, np.int64)
    which[places] = np.arange(places.size)
    rows, constants, at = [], [], 0
    while at < stream.size:
        end = at + 1 + (int(stream[at]) >> 18 & (1 << 14) - 1)
        weights = stream[at + 1 : end].view(np.uint8).reshape(-1, 2)
        row = np.zeros(places.size, np.int8)
        kept = weights[:, 1] != 0
        row[which[np.cumsum(weights[:, 0], dtype=np.int64)[kept]]] = weights[kept, 1].view(np.int8)
        rows.append(row)
        constants.append(stream[end : end + 2])
        at = end + 2
    return np.stack(rows), np.stack(constants)
