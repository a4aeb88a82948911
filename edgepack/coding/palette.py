"""Palette: each value is an index of 1 to 5 bits into the tensor's distinct values (weight sharing; Han et al. 2016, section 3).

Layout: number of bits, 2^bits values, then the indices of UNIT values after another, lowest bits first.
"""

from __future__ import annotations

import numpy as np

from edgepack.coding.bits import packed, unpacked
from edgepack.coding.code import Code, Values, padded

MOST_BITS = 5
THUMB2, ARMV6M = (2.1, 1.8, 3.3, 2.6, 5.7), (4.3, 4.2, 6.7, 5.5, 10.6)  # instructions a value, by the number of bits


class Palette(Code):
    """Up to 32 distinct values."""

    name = "palette"
    title = "an index into few values"
    kernel = "ep_palette"
    table = 1024
    code_bytes = 640
    per_tensor = 3500.0

    def encode(self, values: Values) -> bytes | None:
        """None for more than 32 distinct values."""
        row = padded(values)
        distinct, indices = np.unique(row, return_inverse=True)
        bits = max(int(distinct.size - 1).bit_length(), 1)
        if bits > MOST_BITS:
            return None
        table = np.pad(distinct, (0, (1 << bits) - distinct.size))
        return bytes([bits]) + table.tobytes() + packed(indices.astype(np.uint8), bits)

    def decode(self, coded: bytes, count: int) -> Values:
        """The values of the indices."""
        bits = coded[0]
        table = np.frombuffer(coded, np.int8, 1 << bits, 1)
        return table[unpacked(coded[1 + table.size :], bits, count)]

    def per_value(self, values: Values, thumb2: bool) -> float:
        """By the number of bits."""
        distinct = np.unique(padded(values)).size
        bits = max(int(distinct - 1).bit_length(), 1)
        return (THUMB2 if thumb2 else ARMV6M)[min(bits, MOST_BITS) - 1]
