"""Gaps: how many zeros, then a weight, each in the entropy code of ans.py; for tensors of many zeros.

Only weights that are not zero take steps to decode, and kernels that skip zeros need no others. Zeros beyond the longest gap, and
those at the end, have a weight of zero after them. Gaps and weights have 128 slots each, by turns.

Layout: number of gaps - 1, number of weights - 1; the frequencies of gaps of no zero, of one and so on; for each weight its value
and its frequency; x in four bytes; words of two bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from edgepack.coding.ans import LEAST, Share, frequencies, shares_of, words_of
from edgepack.coding.code import Code, Values, padded

STEPS = 7
SLOTS = 1 << STEPS
LONGEST = (7, 15, 31, 63)  # gaps that are tried
MOST = 64  # kinds of weights, with zero; more have frequencies too small for 128ths
_HEAD = 2


class Gaps(Code):
    """Within some hundredths of the entropy, for many zeros and few other values."""

    name = "gaps"
    title = "entropy code (ANS) of weights and the zeros between"
    kernel = "ep_gaps"
    table = 1024
    code_bytes = 470
    per_tensor = 3300.0

    def encode(self, values: Values) -> bytes | None:
        """None for more than 63 kinds of weights besides zero, or for no weights."""
        return _encoded(padded(values).tobytes())

    def least(self, values: Values) -> float:
        """What gaps and weights take by their shares."""
        split = _best(padded(values).tobytes())
        return split.bits / 8 if split else float("inf")

    def decode(self, coded: bytes, count: int) -> Values:
        """Gap by gap, as the C does."""
        gaps, kinds = coded[0] + 1, coded[1] + 1
        at = _HEAD + gaps + 2 * kinds
        pairs = np.frombuffer(coded[_HEAD + gaps : at], np.uint8).reshape(-1, 2).tolist()
        tables = [
            [(name, share, k) for name, share in table for k in range(share)]
            for table in (list(enumerate(coded[_HEAD : _HEAD + gaps])), pairs)
        ]
        x = int.from_bytes(coded[at : at + 4], "little")
        at += 4
        found: list[int] = []
        while len(found) < count:
            pair = []
            for table in tables:
                name, share, place = table[x & (SLOTS - 1)]
                x = share * (x >> STEPS) + place
                pair.append(name)
            found += [0] * pair[0] + [pair[1]]
            if x < LEAST:
                x = x << 16 | int.from_bytes(coded[at : at + 2], "little")
                at += 2
        return np.array(found[:count], np.uint8).view(np.int8)

    def pairs(self, values: Values) -> int:
        """Gaps, with a weight each."""
        split = _best(padded(values).tobytes())
        assert split is not None
        return len(split.gaps)

    def per_value(self, values: Values, thumb2: bool) -> float:
        """By the gaps."""
        share = self.pairs(values) / max(padded(values).size, 1)
        return 0.5 + 24.0 * share if thumb2 else 1.0 + 36.0 * share


@dataclass(frozen=True, eq=False)
class _Split:
    """Gaps, and for each which of the `kinds` of weights follows; frequencies of either."""

    gaps: list[int]
    weights: list[int]
    kinds: list[int]
    gap_shares: list[int]
    weight_shares: list[int]

    @property
    def bits(self) -> float:
        """What they take, with their table."""
        code = _bits(self.gaps, self.gap_shares) + _bits(self.weights, self.weight_shares)
        return code + 8 * (_HEAD + len(self.gap_shares) + 2 * len(self.kinds))


def _bits(symbols: list[int], shares: list[int]) -> float:
    return float(-np.log2(np.array(shares)[symbols] / SLOTS).sum())


@lru_cache(maxsize=256)
def _best(data: bytes) -> _Split | None:
    """With the longest gap that takes the fewest bits; None where there are too many kinds of weights, or no weights."""
    row = np.frombuffer(data, np.int8)
    if not row.size or np.unique(row[row != 0]).size >= MOST:
        return None
    return min((_split(row, longest) for longest in LONGEST), key=lambda each: each.bits)


def _split(row: Values, longest: int) -> _Split:
    """A row as gaps of so many zeros at most, and the weights behind them."""
    ends = np.flatnonzero(row)
    if row[-1] == 0:
        ends = np.append(ends, row.size - 1)  # the last zero ends a gap, too
    zeros = np.diff(ends, prepend=-1) - 1
    before, gaps = np.divmod(zeros, longest + 1)  # gaps as long as can be, with a zero behind each
    places = np.cumsum(before + 1) - 1
    all_gaps, all_weights = np.full(places[-1] + 1, longest), np.zeros(places[-1] + 1, np.int8)
    all_gaps[places], all_weights[places] = gaps, row[ends]
    kinds, weights, counts = np.unique(all_weights.view(np.uint8), return_inverse=True, return_counts=True)
    occur = np.bincount(all_gaps)
    shares = np.zeros(occur.size, np.int64)
    shares[occur > 0] = frequencies(occur[occur > 0].tolist(), SLOTS)
    return _Split(
        all_gaps.tolist(), weights.reshape(-1).tolist(), kinds.tolist(), shares.tolist(), frequencies(counts.tolist(), SLOTS)
    )


@lru_cache(maxsize=256)
def _encoded(data: bytes) -> bytes | None:
    split = _best(data)
    if split is None:
        return None
    gap_shares, weight_shares = shares_of(split.gap_shares), shares_of(split.weight_shares)
    symbols: list[Share] = []
    for gap, weight in zip(split.gaps, split.weights, strict=True):
        symbols += [gap_shares[gap], weight_shares[weight]]
    words, x = words_of(symbols, STEPS)
    table = [byte for pair in zip(split.kinds, split.weight_shares, strict=True) for byte in pair]
    head = bytes([len(split.gap_shares) - 1, len(split.kinds) - 1, *split.gap_shares, *table])
    return head + x.to_bytes(4, "little") + np.array(words[::-1], "<u2").tobytes()
