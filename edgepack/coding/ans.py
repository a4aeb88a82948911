"""ANS: an entropy code near the bound of single values (Duda 2013, arXiv:1311.2540, range variant: section 3).

The upper bits of a value are coded by their frequency, in 256ths; its lowest `raw` bits, which in weights are as good as random,
are not. A state x of 2^16 to 2^32 - 1 holds what is still to be decoded. With f the frequency of a symbol and c the sum of those
before it,

    encoding    x := (x div f) * 256 + c + (x mod f)          decoding    x := f * (x div 256) + (x mod 256) - c

where x mod 256 says which symbol it was. Encoding goes from the last value to the first and hands out the lower 16 bits of x
before it would leave its range; decoding takes them back. Without raw bits two values are decoded between two such looks at the
range: their frequencies multiply to at most 2^16, the least that x is.

Layout: number of symbols - 1, raw; for each symbol its value and its frequency - 1; x in four bytes; words of two bytes.
"""

from __future__ import annotations

import heapq
from functools import lru_cache

import numpy as np

from edgepack.coding.code import Code, Values, padded

STEPS = 8
WHOLE = 1 << STEPS
LEAST = 1 << 16
MOST_RAW = 4
_HEAD = 2


class Ans(Code):
    """Within some hundredths of the entropy, for any values."""

    name = "ans"
    title = "entropy code (ANS)"
    kernel = "ep_ans"
    table = 1024
    code_bytes = 420
    per_tensor = 1700.0

    def encode(self, values: Values) -> bytes | None:
        """Never None."""
        return _encoded(padded(values).tobytes())

    def decode(self, coded: bytes, count: int) -> Values:
        """Value by value, as the C does."""
        symbols, raw = coded[0] + 1, coded[1]
        table = np.frombuffer(coded, np.uint8, 2 * symbols, _HEAD).reshape(-1, 2)
        slots = [(int(value), int(less) + 1, k) for value, less in table for k in range(int(less) + 1)]
        at = _HEAD + 2 * symbols
        x = int.from_bytes(coded[at : at + 4], "little")
        at += 4
        found = []
        for index in range(-(-count // 2) * 2):
            value, frequency, place = slots[x & (WHOLE - 1)]
            x = frequency * (x >> STEPS) + place
            low = x & ((1 << raw) - 1)
            x >>= raw
            found.append((value << raw | low) & 255)
            if x < LEAST and (raw or index % 2):
                x = x << 16 | int.from_bytes(coded[at : at + 2], "little")
                at += 2
        return np.array(found[:count], np.uint8).view(np.int8)

    def per_value(self, values: Values, thumb2: bool) -> float:
        """Every value costs the same."""
        return 10.0 if thumb2 else 15.0


def frequencies(counts: list[int]) -> list[int]:
    """Numbers from 1 on that add up to 256 and code symbols of these counts in the fewest bits.

    Each starts with its rounded share; what is missing or too much goes where it costs least, one at a time.

    >>> frequencies([3, 1])
    [192, 64]
    """
    total = sum(counts)
    found = [max(1, round(WHOLE * count / total)) for count in counts]
    step = 1 if sum(found) < WHOLE else -1

    def price(index: int) -> float:
        """Bits that changing a frequency by `step` adds."""
        new = found[index] + step
        return float("inf") if new < 1 else counts[index] * (np.log2(found[index]) - np.log2(new))

    queue = [(price(index), index) for index in range(len(counts))]
    heapq.heapify(queue)
    for _ in range(abs(WHOLE - sum(found))):
        _, index = heapq.heappop(queue)
        found[index] += step
        heapq.heappush(queue, (price(index), index))
    return found


def _split(row: Values, raw: int) -> tuple[list[int], list[int], list[int]]:
    """Of the values' upper bits: the distinct ones, how often each occurs, and which each value has."""
    distinct, indices, counts = np.unique(row >> raw, return_inverse=True, return_counts=True)
    return distinct.tolist(), counts.tolist(), indices.reshape(-1).tolist()


def _bits(row: Values, raw: int) -> float:
    """What coding would take with so many raw bits, table included."""
    _, counts, _ = _split(row, raw)
    shares = np.array(frequencies(counts)) / WHOLE
    return float(-(np.array(counts) * np.log2(shares)).sum()) + row.size * raw + 16 * len(counts)


@lru_cache(maxsize=256)
def _encoded(data: bytes) -> bytes:
    row = np.frombuffer(data, np.int8)
    raw = min(range(MOST_RAW + 1), key=lambda bits: _bits(row, bits))
    distinct, counts, indices = _split(row, raw)
    chosen = frequencies(counts)
    starts = np.concatenate([[0], np.cumsum(chosen)[:-1]]).tolist()
    low = (row & ((1 << raw) - 1)).tolist()
    words, x = _words_with_raw(indices, low, raw, chosen, starts) if raw else _words_in_pairs(indices, chosen, starts)
    table = [byte for value, frequency in zip(distinct, chosen, strict=True) for byte in (value & 255, frequency - 1)]
    return bytes([len(distinct) - 1, raw, *table]) + x.to_bytes(4, "little") + np.array(words[::-1], "<u2").tobytes()


def _words_in_pairs(indices: list[int], chosen: list[int], starts: list[int]) -> tuple[list[int], int]:
    """The words that leave x, in that order, and x at the end; two values at a time, the last first."""
    words, x = [], LEAST
    for first, second in zip(indices[-2::-2], indices[::-2], strict=True):
        one, two = chosen[first], chosen[second]
        if x >= one * two << 16:
            words.append(x & 0xFFFF)
            x >>= 16
        x = (x // two << STEPS) + starts[second] + x % two
        x = (x // one << STEPS) + starts[first] + x % one
    return words, x


def _words_with_raw(indices: list[int], low: list[int], raw: int, chosen: list[int], starts: list[int]) -> tuple[list[int], int]:
    """The same one value at a time, with so many raw bits each."""
    words, x = [], LEAST
    for index, rest in zip(reversed(indices), reversed(low), strict=True):
        frequency = chosen[index]
        if x >= frequency << (32 - STEPS - raw):
            words.append(x & 0xFFFF)
            x >>= 16
        x = x << raw | rest
        x = (x // frequency << STEPS) + starts[index] + x % frequency
    return words, x
