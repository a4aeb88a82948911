"""Blocks: a bit for each four values in a row says whether all are zero; the others follow. For block-sparse weights (1x4, 4x1).

Layout: for each eight blocks a byte, the first block in its lowest bit, then the blocks that are not zero, four bytes each.
"""

from __future__ import annotations

import numpy as np

from edgepack.coding.code import Code, Values, padded

BLOCK = 4
MASK = 8


class Blocks(Code):
    """Smaller than a bitmap where zeros come in fours."""

    name = "blocks"
    title = "a bit for four zeros in a row"
    kernel = "ep_blocks"
    code_bytes = 190

    def encode(self, values: Values) -> bytes | None:
        """Never None."""
        rows = padded(values).reshape(-1, BLOCK)
        rows = np.pad(rows, ((0, -len(rows) % MASK), (0, 0))).reshape(-1, MASK, BLOCK)
        kept = rows.any(axis=2)
        masks = np.packbits(kept, axis=1, bitorder="little").reshape(-1)
        return b"".join(bytes([mask]) + row[keep].tobytes() for mask, row, keep in zip(masks.tolist(), rows, kept, strict=True))

    def decode(self, coded: bytes, count: int) -> Values:
        """Mask by mask."""
        found, at, start = np.zeros(-(-count // (BLOCK * MASK)) * BLOCK * MASK, np.int8), 0, 0
        while start < found.size:
            mask = coded[at]
            at += 1
            for place in range(MASK):
                if mask >> place & 1:
                    found[start + BLOCK * place : start + BLOCK * (place + 1)] = np.frombuffer(coded, np.int8, BLOCK, at)
                    at += BLOCK
            start += BLOCK * MASK
        return found[:count]

    def per_value(self, values: Values, thumb2: bool) -> float:
        """By the block."""
        return 3.5 if thumb2 else 7.0
