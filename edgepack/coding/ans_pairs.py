"""ANS of pairs: the entropy code of ans.py, each symbol two values one after the other, for tensors of few kinds of pairs.

It takes half as many steps to decode, and where neighbours go together fewer bits.

Layout: number of symbols - 1; for each symbol its two values and its frequency - 1; x in four bytes; words of two bytes.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from edgepack.coding.ans import LEAST, STEPS, WHOLE, frequencies, shares_of, words_of
from edgepack.coding.code import Code, Values, padded

MOST = 64  # kinds of pairs; more have frequencies too small for 256ths
_HEAD, _ENTRY = 1, 3


class AnsPairs(Code):
    """Within some hundredths of the entropy for values of few kinds, as ternary ones."""

    name = "pairs"
    title = "entropy code (ANS) of pairs"
    kernel = "ep_ans_pairs"
    table = 1024
    code_bytes = 305
    per_tensor = 3500.0

    def encode(self, values: Values) -> bytes | None:
        """None for more than 64 kinds of pairs, or for a single one."""
        return _encoded(padded(values).tobytes())

    def decode(self, coded: bytes, count: int) -> Values:
        """Pair by pair, as the C does."""
        at = _HEAD + _ENTRY * (coded[0] + 1)
        entries = np.frombuffer(coded[_HEAD:at], np.uint8).reshape(-1, _ENTRY).tolist()
        slots = [(pair, less + 1, k) for *pair, less in entries for k in range(less + 1)]
        x = int.from_bytes(coded[at : at + 4], "little")
        at += 4
        found: list[int] = []
        for index in range(-(-count // 4) * 2):
            pair, frequency, place = slots[x & (WHOLE - 1)]
            x = frequency * (x >> STEPS) + place
            found += pair
            if x < LEAST and index % 2:
                x = x << 16 | int.from_bytes(coded[at : at + 2], "little")
                at += 2
        return np.array(found[:count], np.uint8).view(np.int8)

    def per_value(self, values: Values, thumb2: bool) -> float:
        """Half of what a symbol takes."""
        return 5.3 if thumb2 else 8.1


@lru_cache(maxsize=256)
def _encoded(data: bytes) -> bytes | None:
    pairs, symbols, counts = np.unique(np.frombuffer(data, "<u2"), return_inverse=True, return_counts=True)
    if not 1 < pairs.size <= MOST:
        return None
    chosen = frequencies(counts.tolist())
    shares = shares_of(chosen)
    words, x = words_of([shares[symbol] for symbol in symbols.reshape(-1).tolist()])
    table = np.column_stack([pairs & 255, pairs >> 8, np.array(chosen) - 1]).astype(np.uint8)
    return bytes([pairs.size - 1]) + table.tobytes() + x.to_bytes(4, "little") + np.array(words[::-1], "<u2").tobytes()
