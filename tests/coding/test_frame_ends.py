"""A frame's bits at the end of biases and multipliers are those that take the fewest bits, of all that there are."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.coding.frame import frame_of
from tests.coding.test_frame import channels


def bits_taken(both: np.ndarray, bias: int, multiplier: int) -> int | None:
    """Of channels and entries for so many bits at the end, as the layout says; None with more than 64 entries."""
    entries = {(int(a) & ((1 << bias) - 1), int(b) & ((1 << multiplier) - 1)) for a, b in both}
    above = [int(np.ptp(both[:, which] >> end)).bit_length() for which, end in enumerate((bias, multiplier))]
    size = len(both) * (sum(above) + (len(entries) - 1).bit_length()) + (len(entries) - 1) * (bias + multiplier)
    return size if len(entries) <= 64 else None


@pytest.mark.parametrize("seed", range(12))
def test_no_other_ends_take_fewer_bits(seed: int) -> None:
    """Of several that take as many, those with the fewest bits of a bias."""
    rng, kind = np.random.default_rng(seed), ("trained", "few", "one", "extremes")[seed % 4]
    both = np.stack([each.astype(np.int64) for each in channels(kind, 3 + 11 * seed)], axis=1)
    both = both >> rng.integers(0, 20, both.shape) << rng.integers(0, 9, 2)
    sizes = {(a, b): bits_taken(both, a, b) for a in range(33) for b in range(33)}
    least = min(size for size in sizes.values() if size is not None)
    found = frame_of(both[:, 0], both[:, 1], np.zeros(0, np.uint8))
    assert found.ends == min(ends for ends, size in sizes.items() if size == least)
