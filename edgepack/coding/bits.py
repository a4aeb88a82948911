"""Numbers of a few bits in a row of bytes, the first in the lowest bits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint8]


def packed(numbers: Numbers, bits: int) -> bytes:
    """`numbers`, each below 2^bits, one after the other; the last byte is filled up with zeros.

    >>> packed(np.array([1, 2, 3], np.uint8), 2).hex()
    '39'
    """
    rows = np.unpackbits(numbers.reshape(-1, 1), axis=1, count=bits, bitorder="little")
    return np.packbits(rows.reshape(-1), bitorder="little").tobytes()


def unpacked(data: bytes, bits: int, count: int) -> Numbers:
    """The first `count` numbers.

    >>> unpacked(bytes([0x39]), 2, 3).tolist()
    [1, 2, 3]
    """
    row = np.unpackbits(np.frombuffer(data, np.uint8), count=count * bits, bitorder="little")
    return np.packbits(row.reshape(count, bits), axis=1, bitorder="little").reshape(-1)
