"""BatchNorm's averages of means and variances: kept near the weights while training, or taken anew with the weights at rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edgepack.compress.training.loss import Loss
from edgepack.compress.training.stream import stream
from edgepack.sources import Split
from edgepack.sources.keras.frameworks import import_tf_keras

# BatchNorm's averages must keep up with the weights, or validation sees the statistics of a model that no longer exists. With
# Keras' momentum of 0.99 and 45 batches an epoch a good model scores like chance; with 211 batches ResNet-8 lost 3 points
# while it was being pruned. After three time constants 95 % is settled.
_LARGEST_MOMENTUM = 0.9
_TIME_CONSTANTS_AN_EPOCH = 3

_EXAMPLES = 8192
_BATCH = 256


@contextmanager
def keeping_up(model: Any, steps: int) -> Iterator[None]:
    """A block in which no BatchNorm's averages are too slow for an epoch of `steps` batches."""
    limit = min(_LARGEST_MOMENTUM, max(0.5, 1 - _TIME_CONSTANTS_AN_EPOCH / steps))
    before = [(layer, layer.momentum) for layer in batch_norms(model) if layer.momentum > limit]
    for layer, _ in before:
        layer.momentum = limit
    try:
        yield
    finally:
        for layer, momentum in before:
            layer.momentum = momentum


def reestimation(model: Any, split: Split, loss: Loss, steps: int) -> Any:
    """A Keras callback that takes the averages anew at the end of each epoch of `steps` batches, before it is validated.

    They become the plain mean over batches of `_EXAMPLES` training examples, spread evenly and not varied. Weights of few bits
    jump from level to level until the last batch, so that the running averages belong to several models at once; Nagel et al.
    2022 (Overcoming Oscillations in Quantization-Aware Training, arXiv:2203.11086, section 3.1) measured what that costs.
    """
    keras = import_tf_keras()
    import tensorflow as tf

    every = max(1, len(split) // _EXAMPLES)
    chosen = Split(tuple(array[::every] for array in split.inputs), None if split.labels is None else split.labels[::every])
    batches = stream(chosen, loss, len(model.outputs), _BATCH)
    momentum = tf.Variable(0.0, trainable=False, dtype=tf.float32)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def observe(inputs: Any) -> None:
        model(inputs, training=True)

    def reestimate() -> None:
        before = [(layer, layer.momentum) for layer in batch_norms(model)]
        try:
            for layer, _ in before:
                layer.momentum = momentum
            for seen, batch in enumerate(batches):
                momentum.assign(seen / (seen + 1))
                observe(batch[0])
        finally:
            for layer, usual in before:
                layer.momentum = usual

    class Reestimation(keras.callbacks.Callback):  # type: ignore[misc,name-defined]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch + 1 == steps:
                reestimate()

    return Reestimation()


def batch_norms(model: Any) -> list[Any]:
    """The BatchNorm layers of a model, without what is wrapped around them."""
    keras = import_tf_keras()
    inner = [getattr(layer, "layer", layer) for layer in model.layers]
    return [layer for layer in inner if isinstance(layer, keras.layers.BatchNormalization)]
