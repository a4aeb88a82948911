"""Training with a penalty that drives whole channels towards zero, before some are removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from edgepack.compress.structured.channel_groups import ChannelMap
from edgepack.compress.structured.importance import filter_axis, filters
from edgepack.compress.technique import FineTuning
from edgepack.compress.training.fit import fit
from edgepack.compress.training.loss import Loss
from edgepack.compress.work import Work
from edgepack.ground.errors import RecipeError
from edgepack.sources.keras.frameworks import import_tf_keras


@dataclass(frozen=True)
class Penalty:
    """What is added to the loss: `strength` times the sum of |gamma| over BatchNorm scales ("l1"; Liu et al. 2017,
    arXiv:1708.06519) or of the Euclidean norms of all weights that make one group of channels ("group_lasso"; Wen et al. 2016,
    arXiv:1608.03665)."""

    kind: Literal["l1", "group_lasso"]
    strength: float
    epochs: int


def learn_sparsity(model: Any, channels: ChannelMap, work: Work, tuning: FineTuning, loss: Loss, penalty: Penalty) -> str:
    """Train `model` in place with the penalty; returns a note.

    The weights of the last epoch are kept: the best epoch by validation would be the first, which has learnt no sparsity.

    Raises:
        RecipeError: EP-412 for l1 on a model without BatchNorm.
    """
    callback, count = _shrinking(model, channels, penalty)
    if not count:
        raise RecipeError(
            "EP-412",
            "structured: the model has no BatchNorm scales that sparsity_learning l1 could shrink",
            'use sparsity_learning = "group_lasso"',
        )
    settings = tuning.model_copy(update={"epochs": penalty.epochs, "patience": 0, "decay": "none"})
    fit(model, work, settings, loss, first_candidate=penalty.epochs, callbacks=[callback])
    return f"trained {penalty.epochs} epochs with {penalty.kind} of {penalty.strength:g} on {count} channels"


def _shrinking(model: Any, channels: ChannelMap, penalty: Penalty) -> tuple[Any, int]:
    """A callback that takes the proximal step of the penalty after each gradient step, and how many channels it shrinks.

    The proximal step shortens a group of weights by learning rate times strength and stops at zero, where a gradient of the
    penalty would swing around it (Parikh and Boyd 2014, Proximal Algorithms, section 6.5).
    """
    import tensorflow as tf

    keras = import_tf_keras()
    free = ~channels.pinned
    scales = [
        (gamma, free[layer.outputs])
        for layer in channels.layers.values()
        if layer.kind == "BatchNormalization" and (gamma := model.get_layer(layer.name).gamma) is not None
    ]
    made = [
        (kernel, filter_axis(layer.kind, len(kernel.shape)), layer.outputs)
        for layer in channels.layers.values()
        if layer.makes and free[layer.outputs].all() and (kernel := filters(model.get_layer(layer.name))) is not None
    ]

    @tf.function  # type: ignore[untyped-decorator]
    def shrink_scales(amount: Any) -> None:
        for gamma, may in scales:
            shorter = tf.sign(gamma) * tf.nn.relu(tf.abs(gamma) - amount)
            gamma.assign(tf.where(may, shorter, gamma))

    @tf.function  # type: ignore[untyped-decorator]
    def shrink_groups(amount: Any) -> None:
        squares = tf.zeros(channels.count)
        for kernel, axis, groups in made:
            others = [place for place in range(len(kernel.shape)) if place != axis]
            squares += tf.math.unsorted_segment_sum(tf.reduce_sum(tf.square(kernel), others), groups, channels.count)
        factors = tf.nn.relu(1 - amount / tf.sqrt(tf.maximum(squares, 1e-20)))
        for kernel, axis, groups in made:
            shape = [-1 if place == axis else 1 for place in range(len(kernel.shape))]
            kernel.assign(kernel * tf.reshape(tf.gather(factors, groups), shape))

    class Shrink(keras.callbacks.Callback):  # type: ignore[misc,name-defined]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            rate = float(np.asarray(self.model.optimizer.learning_rate))
            (shrink_scales if penalty.kind == "l1" else shrink_groups)(tf.constant(rate * penalty.strength, tf.float32))

    count = (
        sum(int(may.sum()) for _, may in scales) if penalty.kind == "l1" else len({g for _, _, gs in made for g in gs.tolist()})
    )
    return Shrink(), count
