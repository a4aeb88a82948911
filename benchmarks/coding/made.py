"""Models with structure that nobody trained: what they compute means nothing, what they cost does."""

from __future__ import annotations

import numpy as np

from benchmarks.weights import Weights, rewritten

BLOCK = 4


def without_blocks(data: bytes, share: float) -> bytes:
    """The .tflite with this share of each tensor's blocks of four weights, along its last axis, made zero: the weakest ones.

    Tensors whose last axis is no multiple of four stay as they are.
    """

    def change(weights: Weights) -> Weights:
        if weights.shape[-1] % BLOCK:
            return weights
        blocks = weights.reshape(-1, BLOCK).copy()
        strength = np.square(blocks.astype(np.int64)).sum(axis=1)
        blocks[np.argsort(strength, kind="stable")[: round(share * len(blocks))]] = 0
        return blocks

    return rewritten(data, change)
