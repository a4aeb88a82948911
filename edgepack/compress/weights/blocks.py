"""Pruning in blocks: four neighbours of a filter, in the order of the .tflite, become zero together.

TF-MOT has blocks for matrices only, and across their columns. What counts here is how weights lie in a .tflite: those of an
output channel behind one another, input channels fastest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 4


def block_masks(pruning: Any) -> None:
    """Let a TF-MOT wrapper's pruning (`pruning_obj`) choose its masks by blocks, by their sums of magnitudes.

    Of each kernel (..., inputs, outputs) it keeps round(blocks * (1 - sparsity)) blocks, at least one; when and how far is its
    schedule's as before.
    """
    import tensorflow as tf

    def update(weights: Any) -> tuple[Any, Any]:
        """Threshold and mask of the weights, as TF-MOT wants them."""
        outputs = weights.shape[-1]
        rows = tf.reshape(tf.abs(weights), [-1, outputs])
        size = rows.shape[0]
        fours = tf.pad(rows, [[0, -size % BLOCK], [0, 0]])
        sums = tf.reduce_sum(tf.reshape(fours, [-1, BLOCK, outputs]), axis=1)
        threshold, mask = pruning._update_mask(sums)
        return threshold, tf.reshape(tf.repeat(mask, BLOCK, axis=0)[:size], weights.shape)

    pruning._maybe_update_block_mask = update


def zero_blocks(values: NDArray[np.float32], share: float) -> tuple[int, int]:
    """Of a kernel (..., inputs, outputs): how many blocks are zero, and how many a share of zeros asks for."""
    rows = values.reshape(-1, values.shape[-1])
    fours = np.pad(rows, ((0, -len(rows) % BLOCK), (0, 0))).reshape(-1, BLOCK, values.shape[-1])
    kept = fours.any(axis=1)
    wanted = kept.size - max(1, int(np.rint(np.float32(kept.size) * np.float32(1 - share))))
    return int(kept.size - kept.sum()), wanted
