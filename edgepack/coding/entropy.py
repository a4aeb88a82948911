"""The bound under which no code of single values can go: Shannon 1948, A Mathematical Theory of Communication, section 6."""

from __future__ import annotations

import numpy as np

from edgepack.coding.code import Values


def entropy_bits(values: Values) -> float:
    """Bits a value, -sum p log2 p over the frequencies p of the distinct values; 0 for none.

    >>> entropy_bits(np.array([0, 0, 1, 1], np.int8))
    1.0
    """
    counts = np.unique(values, return_counts=True)[1]
    shares = counts / max(values.size, 1)
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def entropy_bytes(values: Values) -> float:
    """The bound for the whole tensor, in bytes, without the table that says which values occur how often."""
    return values.size * entropy_bits(values) / 8
