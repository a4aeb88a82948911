"""Ternary: five values of at most three kinds in a byte, as 3^5 = 243 <= 256.

A byte is a number of five digits to the base of 3, the first value's digit the highest; the decoder looks up the first three
digits and the other two. Layout: three values, then the bytes.
"""

from __future__ import annotations

import numpy as np

from edgepack.coding.code import Code, Values, padded

DIGITS = 5
KINDS = 3
_POWERS = KINDS ** np.arange(DIGITS - 1, -1, -1)


class Ternary(Code):
    """At most three distinct values, 1.6 bits each."""

    name = "ternary"
    title = "five of three values in a byte"
    kernel = "ep_ternary"
    table = 152
    code_bytes = 380
    per_tensor = 600.0

    def encode(self, values: Values) -> bytes | None:
        """None for more than three distinct values."""
        row = padded(values)
        distinct, digits = np.unique(row, return_inverse=True)
        if distinct.size > KINDS:
            return None
        digits = np.pad(digits, (0, -digits.size % DIGITS)).reshape(-1, DIGITS)
        numbers = digits @ _POWERS
        return bytes(np.pad(distinct, (0, KINDS - distinct.size)).tobytes() + numbers.astype(np.uint8).tobytes())

    def decode(self, coded: bytes, count: int) -> Values:
        """The values of the digits."""
        table = np.frombuffer(coded, np.int8, KINDS)
        numbers = np.frombuffer(coded, np.uint8, offset=KINDS).reshape(-1, 1)
        found: Values = table[(numbers // _POWERS % KINDS).reshape(-1)[:count]]
        return found

    def per_value(self, values: Values, thumb2: bool) -> float:
        """The same for every value."""
        return 5.8 if thumb2 else 10.0
