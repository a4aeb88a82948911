"""Bitmap: a bit a value says whether it is zero; the others follow, a byte each. For pruned weights that share no values.

Layout: for each eight values a byte, the first value in its lowest bit, then those that are not zero.
"""

from __future__ import annotations

import numpy as np

from edgepack.coding.code import UNIT, Code, Values, padded


class Bitmap(Code):
    """Smaller than int8 from one eighth of zeros on."""

    name = "bitmap"
    title = "a bit for each zero"
    kernel = "ep_bitmap"
    code_bytes = 140

    def encode(self, values: Values) -> bytes | None:
        """Never None."""
        rows = padded(values).reshape(-1, UNIT)
        masks = np.packbits(rows != 0, axis=1, bitorder="little")
        present = np.concatenate([np.ones((len(rows), 1), bool), rows != 0], axis=1)
        return bytes(np.concatenate([masks.view(np.int8), rows], axis=1)[present].tobytes())

    def decode(self, coded: bytes, count: int) -> Values:
        """Byte by byte."""
        found, at = np.zeros(-(-count // UNIT) * UNIT, np.int8), 0
        for start in range(0, found.size, UNIT):
            mask = coded[at]
            at += 1
            for place in range(UNIT):
                if mask >> place & 1:
                    found[start + place] = np.uint8(coded[at]).astype(np.int8)
                    at += 1
        return found[:count]

    def per_value(self, values: Values, thumb2: bool) -> float:
        """More for what is not zero."""
        dense = np.count_nonzero(values) / max(values.size, 1)
        return 2.2 + 16.0 * dense if thumb2 else 2.5 + 17.0 * dense
