"""Tensors for tests of codes: what compression leaves, and the ends of what there can be."""

from __future__ import annotations

import numpy as np

from tests.compile.structured import KINDS, values_of


def normal(size: int, seed: int, width: float = 30.0) -> np.ndarray:
    """Weights as training leaves them."""
    return np.random.default_rng(seed).normal(0, width, size).round().clip(-127, 127).astype(np.int8)


def tensors(size: int = 4096) -> dict[str, np.ndarray]:
    """One tensor of each kind, by its name; some of odd sizes."""
    rng = np.random.default_rng(size)
    found = {kind: values_of(kind, normal(size, place), rng) for place, kind in enumerate(KINDS)}
    return {
        **found,
        "dense": normal(size, 100),
        "narrow": normal(size, 101, 2.0),
        "all values": np.arange(size).astype(np.uint8).view(np.int8),
        "zeros": np.zeros(size, np.int8),
        "one value": np.full(size, -128, np.int8),
        "last alone": np.eye(1, size, size - 1, dtype=np.int8)[0],
        "long runs": np.where(np.arange(size) % 700 == 699, 5, 0).astype(np.int8),
        "odd size": values_of("pruned and clustered", normal(size - 3, 102), rng),
        "one": np.array([7], np.int8),
        "nine": values_of("ternary", normal(9, 103), rng),
    }
