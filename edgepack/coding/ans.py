"""ANS: an entropy code near the bound of single values (Duda 2013, arXiv:1311.2540, range variant: section 3).

The upper bits of a value are coded by their frequency, in 256ths; its lowest `raw` bits, which in weights are as good as random,
are not; zero may have a frequency of its own, apart from its neighbours. A state x of 2^16 to 2^32 - 1 holds what is still to be
decoded. With f the frequency of a symbol and c the sum of those before it,

    encoding    x := (x div f) * 256 + c + (x mod f)          decoding    x := f * (x div 256) + (x mod 256) - c

where x mod 256 says which symbol it was. Encoding goes from the last value to the first and hands out the lower 16 bits of x
before it would leave its range; decoding takes them back. Without raw bits two values are decoded between two such looks at the
range: their frequencies multiply to at most 2^16, the least that x is.

Layout: number of symbols - 1; raw, and 128 if the first symbol is zero apart; for each symbol its lowest value and its
frequency - 1; x in four bytes; words of two bytes.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np

from edgepack.coding.code import Code, Values, padded
from edgepack.coding.entropy import entropy_bytes

STEPS = 8
WHOLE = 1 << STEPS
LEAST = 1 << 16
MOST_RAW = 7
APART = 128
_HEAD = 2

Share = tuple[int, int]
"""A symbol's frequency, and where it begins among the slots."""


class Ans(Code):
    """Within some hundredths of the entropy, for any values."""

    name = "ans"
    title = "entropy code (ANS)"
    kernel = "ep_ans"
    table = 1024
    code_bytes = 425
    per_tensor = 3500.0

    def encode(self, values: Values) -> bytes | None:
        """Never None."""
        return _encoded(padded(values).tobytes())

    def least(self, values: Values) -> float:
        """The entropy."""
        return entropy_bytes(values)

    def decode(self, coded: bytes, count: int) -> Values:
        """Value by value, as the C does."""
        symbols, raw, apart = coded[0] + 1, coded[1] & (APART - 1), bool(coded[1] & APART)
        table = np.frombuffer(coded, np.uint8, 2 * symbols, _HEAD).reshape(-1, 2).tolist()
        slots = [
            (base, less + 1, k, 0 if apart and which == 0 else raw)
            for which, (base, less) in enumerate(table)
            for k in range(less + 1)
        ]
        at = _HEAD + 2 * symbols
        x = int.from_bytes(coded[at : at + 4], "little")
        at += 4
        found = []
        for index in range(-(-count // 2) * 2):
            base, frequency, place, bits = slots[x & (WHOLE - 1)]
            x = frequency * (x >> STEPS) + place
            found.append(base + (x & ((1 << bits) - 1)) & 255)
            x >>= bits
            if x < LEAST and (raw or index % 2):
                x = x << 16 | int.from_bytes(coded[at : at + 2], "little")
                at += 2
        return np.array(found[:count], np.uint8).view(np.int8)

    def per_value(self, values: Values, thumb2: bool) -> float:
        """Twice as much where raw bits follow."""
        raw = _encoded(padded(values).tobytes())[1] & (APART - 1)
        if raw:
            return 20.0 if thumb2 else 27.5
        return 10.3 if thumb2 else 14.3


def frequencies(counts: list[int], whole: int = WHOLE) -> list[int]:
    """Numbers from 1 on that add up to `whole` and code symbols of these counts in the fewest bits.

    Each starts with its rounded share; what is missing or too much goes where it costs least, one at a time.

    >>> frequencies([3, 1])
    [192, 64]
    """
    total = sum(counts)
    found = [max(1, round(whole * count / total)) for count in counts]
    step = 1 if sum(found) < whole else -1

    def price(index: int) -> float:
        """Bits that changing a frequency by `step` adds."""
        new = found[index] + step
        return float("inf") if new < 1 else counts[index] * (np.log2(found[index]) - np.log2(new))

    queue = [(price(index), index) for index in range(len(counts))]
    heapq.heapify(queue)
    for _ in range(abs(whole - sum(found))):
        _, index = heapq.heappop(queue)
        found[index] += step
        heapq.heappush(queue, (price(index), index))
    return found


@dataclass(frozen=True, eq=False)
class Split:
    """Values as symbols: each symbol's base and how often it occurs, and of every value its symbol and its raw bits.

    `apart`: zero is the first symbol, and has no raw bits; a symbol's other values are its base plus what `raw` bits say.
    """

    raw: int
    apart: bool
    bases: list[int]
    counts: list[int]
    symbols: list[int]
    low: list[int]

    @property
    def bits(self) -> float:
        """What coding takes, table included."""
        shares = np.array(frequencies(self.counts)) / WHOLE
        low = self.raw * (sum(self.counts) - (self.counts[0] if self.apart else 0))
        return float(-(np.array(self.counts) * np.log2(shares)).sum()) + low + 16 * len(self.counts)


def split(row: Values, raw: int, apart: bool) -> Split:
    """Values as symbols of so many raw bits; zero apart, which must be among them, or not."""
    bases = row >> raw << raw
    keys = bases.astype(np.int64)
    if apart:
        keys[row == 0] = -1000  # before every base
    distinct, symbols, counts = np.unique(keys, return_inverse=True, return_counts=True)
    named = [0 if key == -1000 else key for key in distinct.tolist()]
    return Split(raw, apart, named, counts.tolist(), symbols.reshape(-1).tolist(), (row - bases).tolist())


@lru_cache(maxsize=256)
def _encoded(data: bytes) -> bytes:
    row = np.frombuffer(data, np.int8)
    ways = [(raw, apart) for raw in range(MOST_RAW + 1) for apart in (False, True) if not apart or (raw and not row.all())]
    best = min((split(row, *way) for way in ways), key=lambda each: each.bits)
    chosen = frequencies(best.counts)
    shares = shares_of(chosen)
    words, x = _words_with_raw(best, shares) if best.raw else words_of([shares[symbol] for symbol in best.symbols])
    table = [byte for base, frequency in zip(best.bases, chosen, strict=True) for byte in (base & 255, frequency - 1)]
    head = bytes([len(table) // 2 - 1, best.raw | APART * best.apart, *table])
    return head + x.to_bytes(4, "little") + np.array(words[::-1], "<u2").tobytes()


def shares_of(chosen: list[int]) -> list[Share]:
    """Frequencies, with where each begins among the slots."""
    return list(zip(chosen, [0, *accumulate(chosen)][:-1], strict=True))


def words_of(symbols: list[Share], steps: int = STEPS) -> tuple[list[int], int]:
    """The words that leave x, in that order, and x at the end; two symbols at a time, the last first, in 2^steps slots each."""
    words, x = [], LEAST
    for (one, first), (two, second) in zip(symbols[-2::-2], symbols[::-2], strict=True):
        if x >= one * two << 32 - 2 * steps:
            words.append(x & 0xFFFF)
            x >>= 16
        x = (x // two << steps) + second + x % two
        x = (x // one << steps) + first + x % one
    return words, x


def _words_with_raw(given: Split, shares: list[Share]) -> tuple[list[int], int]:
    """The same one value at a time, with raw bits."""
    words, x = [], LEAST
    for symbol, rest in zip(reversed(given.symbols), reversed(given.low), strict=True):
        (frequency, start), raw = shares[symbol], 0 if given.apart and symbol == 0 else given.raw
        if x >= frequency << (32 - STEPS - raw):
            words.append(x & 0xFFFF)
            x >>= 16
        x = x << raw | rest
        x = (x // frequency << STEPS) + start + x % frequency
    return words, x
