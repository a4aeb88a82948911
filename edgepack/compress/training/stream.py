"""Training examples as a tf.data pipeline over memory-mapped arrays, so that memory does not grow with the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.training.augment import augment
from edgepack.compress.training.loss import Loss
from edgepack.sources import Examples, Split
from edgepack.sources.keras.frameworks import import_tf_keras


def stream(
    split: Split,
    loss: Loss,
    outputs: int,
    batch: int,
    shuffle_seed: int | None = None,
    variations: Sequence[str] = (),
    beside: NDArray[Any] | None = None,
) -> Any:
    """A tf.data.Dataset of (inputs, targets) batches; shuffled anew each epoch, in an order that the seed fixes.

    Only the first of several outputs has a target; the others are given a zero that no loss looks at. `variations` of the first
    input, which are images then, are drawn from the seed and a batch's rows, and so differ from epoch to epoch. The rows of
    `beside`, an array with a row an example, come as a third part of each batch.
    """
    import_tf_keras()
    import tensorflow as tf

    arrays = [*split.inputs, loss.target(split), *([] if beside is None else [beside])]
    target_place = len(split.inputs)
    types = [_tensor_type(array) for array in arrays]

    def gather(rows: NDArray[np.int64]) -> list[NDArray[Any]]:
        # Sorted rows make a memory-mapped read run forwards; the result is put back in the drawn order.
        order = np.argsort(rows, kind="stable")
        back = np.argsort(order, kind="stable")
        found = [np.ascontiguousarray(array[rows[order]][back], dtype=kind) for array, kind in zip(arrays, types, strict=True)]
        if variations:
            found[0] = augment(found[0], variations, np.random.default_rng([shuffle_seed or 0, *rows[:4]]))
            if loss.targets == "inputs":
                found[target_place] = found[0]
        return found

    def examples(rows: Any) -> tuple[Any, ...]:
        found = tf.numpy_function(gather, [rows], [tf.as_dtype(kind) for kind in types], stateful=False)
        for tensor, array in zip(found, arrays, strict=True):
            tensor.set_shape((None, *array.shape[1:]))
        inputs, target, more = found[:target_place], found[target_place], found[target_place + 1 :]
        unused = tuple(tf.zeros((tf.shape(rows)[0], 1)) for _ in range(outputs - 1))
        return tuple(inputs) if len(inputs) > 1 else inputs[0], (target, *unused) if unused else target, *more

    rows = tf.data.Dataset.range(len(split))
    if shuffle_seed is not None:
        rows = rows.shuffle(len(split), seed=shuffle_seed, reshuffle_each_iteration=True)
    return rows.batch(batch).map(examples, num_parallel_calls=2, deterministic=True).prefetch(2)


def _tensor_type(array: Examples) -> np.dtype[Any]:
    """Class numbers stay whole, int64 however narrow they are stored; half floats, which TensorFlow would not mix with float32,
    are widened.
    """
    kind = array.dtype
    if kind == np.float16 or kind == np.float64:
        return np.dtype(np.float32)
    return np.dtype(np.int64) if kind.kind == "b" or (kind.kind in "iu" and kind != np.int32) else kind
