"""Ternary: five values of at most three kinds in a byte, as 3^5 = 243 <= 256.

A byte holds n of 0 to 242 as ceil(256 n / 243); three times the byte then has the first digit above its eight bits, and what is
left in them is the code of the other digits. Layout: three values, then the bytes.
"""

from __future__ import annotations

import numpy as np

from edgepack.coding.code import Code, Values, padded

DIGITS = 5
KINDS = 3


class Ternary(Code):
    """At most three distinct values, 1.6 bits each."""

    name = "ternary"
    title = "five of three values in a byte"
    kernel = "ep_ternary"
    table = 4
    code_bytes = 110

    def encode(self, values: Values) -> bytes | None:
        """None for more than three distinct values."""
        row = padded(values)
        distinct, digits = np.unique(row, return_inverse=True)
        if distinct.size > KINDS:
            return None
        digits = np.pad(digits, (0, -digits.size % DIGITS)).reshape(-1, DIGITS)
        numbers = digits @ KINDS ** np.arange(DIGITS - 1, -1, -1)
        coded = ((256 * numbers + KINDS**DIGITS - 1) // KINDS**DIGITS).astype(np.uint8)
        return bytes(np.pad(distinct, (0, KINDS - distinct.size)).tobytes() + coded.tobytes())

    def decode(self, coded: bytes, count: int) -> Values:
        """The values of the digits."""
        table = np.frombuffer(coded, np.int8, KINDS)
        rest = np.frombuffer(coded, np.uint8, offset=KINDS).astype(np.int64)
        digits = []
        for _ in range(DIGITS):
            digits.append(rest * KINDS >> 8)
            rest = rest * KINDS & 255
        found: Values = table[np.stack(digits, axis=1).reshape(-1)[:count]]
        return found

    def per_value(self, values: Values, thumb2: bool) -> float:
        """The same for every value."""
        return 8.0 if thumb2 else 10.0
