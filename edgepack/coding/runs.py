"""Runs: how many zeros, then a value, each a byte. For tensors of almost only zeros, where even a bit for each is much.

Layout: pairs of a count and a value; a count of 255 stands for so many zeros without a value after them.
"""

from __future__ import annotations

import numpy as np

from edgepack.coding.code import Code, Values, padded

LONGEST = 255


class Runs(Code):
    """Smaller than a bitmap beyond some 88 % of zeros."""

    name = "runs"
    title = "lengths of runs of zeros"
    kernel = "ep_runs"
    code_bytes = 160

    def encode(self, values: Values) -> bytes | None:
        """Never None. Zeros at the end are left out, but for tensors of nothing else."""
        row = padded(values)
        coded = bytearray()
        last = -1
        for place in np.flatnonzero(row).tolist():
            zeros = place - last - 1
            coded += bytes([LONGEST] * (zeros // LONGEST))
            coded += bytes([zeros % LONGEST, int(row[place]) & 255])
            last = place
        return bytes(coded) or bytes([LONGEST])

    def least(self, values: Values) -> float:
        """Two bytes for each value that is not zero."""
        return 2.0 * np.count_nonzero(values)

    def decode(self, coded: bytes, count: int) -> Values:
        """Pair by pair."""
        found, at, place = np.zeros(count, np.int8), 0, 0
        while at < len(coded):
            place += coded[at]
            if coded[at] != LONGEST:
                if place < count:
                    found[place] = np.uint8(coded[at + 1]).astype(np.int8)
                at, place = at + 1, place + 1
            at += 1
        return found

    def per_value(self, values: Values, thumb2: bool) -> float:
        """Zeros cost next to nothing."""
        dense = np.count_nonzero(values) / max(values.size, 1)
        return 0.1 + 23.5 * dense if thumb2 else 0.1 + 30.0 * dense
