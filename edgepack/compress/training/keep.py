"""Holding what earlier steps left in the weights while a model trains on: zeros stay zero, shared values stay shared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.keras.kernels import Kernel
from edgepack.compress.quantization.int8 import channels_first, most_distinct
from edgepack.compress.work import Structure
from edgepack.ground.errors import RecipeError
from edgepack.sources.keras.frameworks import import_tf_keras


class Keeper:
    """What the kernels have to keep, as they were when this was made. `whole`: equal weights of all output channels are a group.

    `callback` is a Keras callback that projects every kernel after each gradient step onto the weights with the same
    structure: zeros are set back to zero, and weights of an output channel that were equal are set to their mean. So the
    assignment stays and the shared values train, as in deep compression (Han et al. 2016, section 3). Symmetric quantization by
    output channel maps equal weights to equal codes and zero to zero, so both reach the .tflite.

    TF-MOT's own layers for this (prune- and cluster-preserving quantization) leave out depthwise and transposed convolutions and
    everything that is not annotated, and zero all 1x1 convolutions when both are wanted.
    """

    def __init__(self, kernels: Iterable[Kernel], kept: frozenset[Structure], whole: bool = False) -> None:
        self._kept = kept
        self._before = [(kernel, kernel.values) for kernel in kernels] if kept else []
        self.callback = _callback([_projection(kernel, values, kept, whole) for kernel, values in self._before])

    @property
    def zeros(self) -> int:
        """How many weights were zero."""
        return sum(int(np.count_nonzero(values == 0)) for _, values in self._before)

    def verify(self, step: str) -> None:
        """Compare the kernels with what they were.

        Raises:
            RecipeError: EP-414 naming the layer that lost zeros or has more distinct values in an output channel.
        """
        self.verify_against([kernel for kernel, _ in self._before], step)

    def verify_against(self, kernels: Iterable[Kernel], step: str) -> None:
        """The same for kernels of another model, one for each of those that this was made of."""
        for kernel, (_, before) in zip(kernels, self._before, strict=bool(self._before)):
            after = kernel.values
            if "zeros" in self._kept and np.any(after[before == 0]):
                lost = int(np.count_nonzero(after[before == 0]))
                raise _lost(step, kernel.layer, f"{lost} of {int(np.count_nonzero(before == 0))} zeros made by pruning")
            if "clusters" in self._kept:
                was, now = (most_values(kernel, values) for values in (before, after))
                if now > was:
                    raise _lost(step, kernel.layer, f"the shared values: {now} in an output channel where there were {was}")


def most_values(kernel: Kernel, values: NDArray[np.float32]) -> int:
    """The most distinct weights that an output channel of the kernel has.

    >>> most_values(Kernel("dense", "Dense", "kernel", None), np.float32([[1, 1], [1, 2], [1, 3]]))
    3
    """
    return most_distinct(channels_first(kernel.kind, kernel.name, values))


def _lost(step: str, layer: str, what: str) -> RecipeError:
    return RecipeError("EP-414", f"{step}: layer {layer} lost {what}", "please report it with the model and the recipe")


def _projection(kernel: Kernel, values: NDArray[np.float32], kept: frozenset[Structure], whole: bool) -> Any:
    """A function that sets the kernel's variable to the nearest weights with the structure that `values` has, or None."""
    import tensorflow as tf

    variable = kernel.variable
    zero = values == 0 if "zeros" in kept else np.zeros(values.shape, bool)
    if "clusters" in kept:
        labels = _labels(kernel, values, whole)
        counts = np.bincount(labels.reshape(-1))
        if counts.max() > 1:
            weights = 1 / counts.astype(np.float64)
            weights[labels[zero]] = 0
            groups, shares = tf.constant(labels.reshape(-1)), tf.constant(weights, variable.dtype)

            def average() -> None:
                sums = tf.math.unsorted_segment_sum(tf.reshape(variable, [-1]), groups, len(counts))
                variable.assign(tf.reshape(tf.gather(sums * shares, groups), variable.shape))

            return average
    if not zero.any():
        return None
    mask = tf.constant(~zero, variable.dtype)
    return lambda: variable.assign(variable * mask)


def _labels(kernel: Kernel, values: NDArray[np.float32], whole: bool) -> NDArray[np.int32]:
    """For every weight the number of its group: those of its output channel, or of the whole kernel, that are equal to it."""
    if whole:
        return np.asarray(np.unique(values.reshape(-1), return_inverse=True)[1], np.int32).reshape(values.shape)
    places = np.arange(values.size, dtype=np.float64).reshape(values.shape)
    rows = channels_first(kernel.kind, kernel.name, values)
    where = channels_first(kernel.kind, kernel.name, places).astype(np.int64)  # type: ignore[arg-type]
    labels = np.empty(values.size, np.int32)
    first = 0
    for row, place in zip(rows, where, strict=True):
        _, inverse = np.unique(row, return_inverse=True)
        labels[place] = first + inverse
        first += int(inverse.max()) + 1
    return labels.reshape(values.shape)


def _callback(projections: Sequence[Any]) -> Any:
    keras = import_tf_keras()
    import tensorflow as tf

    present = [projection for projection in projections if projection is not None]

    @tf.function  # type: ignore[untyped-decorator]
    def project() -> None:
        for projection in present:
            projection()

    class Keep(keras.callbacks.Callback):  # type: ignore[misc,name-defined]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if present:
                project()

    return Keep()
