"""Attention's masks as choices between numbers that 8 bits can tell apart.

Keras 2 masks a softmax by adding -1e9 times a truth value. In an integer file the cast stays float, and the range of the sum
makes all scores equal. Softmax(x) with masked scores at `low` is the same up to a share of exp(low - max) for each of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np

from edgepack.flatbuffer import Model, operator_layer, result_names
from edgepack.sources import Split
from edgepack.sources.keras.frameworks import import_tf_keras

_BATCH = 8
# All masked scores of a row together take less than half a step of the softmax's 8 bit output.
_SHARE = 1 / 512
_COARSE = 4.0


@dataclass
class Scores:
    """The layers whose softmax is masked, and the lowest and highest score that examples gave: None until some were seen.

    `choice`: whether masked scores are exchanged rather than added to. The converter has no 16 bit form of a choice.
    """

    choice: bool
    ranges: dict[int, tuple[float, float] | None] = field(default_factory=dict)

    def see(self, layer: Any, scores: Any) -> None:
        """Keep the layer, and the range of scores that are numbers already."""
        known = self.ranges.setdefault(id(layer), None)
        if hasattr(scores, "numpy"):
            values = np.asarray(scores)
            lowest, highest = float(values.min()), float(values.max())
            self.ranges[id(layer)] = (min(lowest, known[0]), max(highest, known[1])) if known else (lowest, highest)

    def masked(self, layer: Any, scores: Any, allowed: Any) -> Any:
        """Scores with the masked ones below all others; None where the range is not known."""
        import tensorflow as tf

        known = self.ranges.get(id(layer))
        if known is None:
            return None
        low = known[0] - math.log(int(scores.shape[-1] or 1) / _SHARE)
        if self.choice:
            return tf.where(allowed, scores, tf.constant(low, scores.dtype))
        return scores + (1.0 - tf.cast(allowed, scores.dtype)) * (low - known[1])


def see_examples(model: Any, split: Split, rows: Sequence[int], scores: Scores) -> None:
    """Run the model on examples and keep the lowest scores of its masked softmaxes."""
    types = [tensor.dtype.as_numpy_dtype for tensor in model.inputs]
    with masked_by_choice(scores):
        for start in range(0, len(rows), _BATCH):
            chosen = list(rows[start : start + _BATCH])
            given = [np.asarray(array[chosen]).astype(kind) for array, kind in zip(split.inputs, types, strict=True)]
            model(given if len(given) > 1 else given[0], training=False)


@contextmanager
def masked_by_choice(known: Scores) -> Iterator[None]:
    """While the block runs, Keras 2's attention masks with a number that suits the scores, where their range is known."""
    layers = import_tf_keras().layers
    dense = next(kind for kind in layers.Attention.__mro__ if "_apply_scores" in vars(kind))
    softmax, apply = layers.Softmax.call, dense._apply_scores

    def call(self: Any, inputs: Any, mask: Any = None) -> Any:
        return softmax(self, *_masked(known, self, inputs, mask))

    def apply_scores(self: Any, scores: Any, value: Any, scores_mask: Any = None, training: Any = None) -> Any:
        given, mask = _masked(known, self, scores, scores_mask)
        return apply(self, given, value, mask, training)

    with ExitStack() as stack:
        stack.enter_context(patch.object(layers.Softmax, "call", call))
        stack.enter_context(patch.object(dense, "_apply_scores", apply_scores))
        if known.choice:
            stack.enter_context(patch.object(dense, "call", _answers(dense.call)))
            stack.enter_context(patch.object(layers.Masking, "call", _zeros(layers.Masking.call)))
        yield


def _masked(known: Scores, layer: Any, inputs: Any, mask: Any) -> tuple[Any, Any]:
    """Scores and mask as the layer is to have them."""
    import tensorflow as tf

    if mask is None:
        return inputs, None
    known.see(layer, inputs)
    if hasattr(inputs, "numpy"):
        return inputs, mask
    masked = known.masked(layer, inputs, mask if mask.dtype == tf.bool else tf.greater(mask, 0.5))
    return (inputs, mask) if masked is None else (masked, None)


def _answers(original: Callable[..., Any]) -> Callable[..., Any]:
    """Attention whose masked queries get zeros by a choice rather than by multiplication with truth values."""

    def call(self: Any, inputs: Any, mask: Any = None, **options: Any) -> Any:
        import tensorflow as tf

        asked = mask[0] if mask else None
        result = original(self, inputs, mask=[None, *mask[1:]] if mask else mask, **options)
        if asked is None:
            return result
        answers, *rest = result if isinstance(result, tuple) else (result,)
        answers = tf.where(tf.expand_dims(asked, -1), answers, tf.zeros((), answers.dtype))
        return (answers, *rest) if rest else answers

    return call


def _zeros(original: Callable[..., Any]) -> Callable[..., Any]:
    """Masking by comparisons and a choice, which have an integer form. Zero alone is exact in 8 bits."""

    def call(self: Any, inputs: Any) -> Any:
        import tensorflow as tf

        if self.mask_value:
            return original(self, inputs)
        kept = tf.reduce_any(tf.logical_or(tf.greater(inputs, 0), tf.less(inputs, 0)), axis=-1, keepdims=True)
        chosen = tf.where(kept, inputs, tf.zeros((), inputs.dtype))
        chosen._keras_mask = tf.squeeze(kept, axis=-1)
        return chosen

    return call


def coarse_softmaxes(model: Model) -> list[str]:
    """The Keras layers whose softmax takes numbers so far apart that an integer step is more than 4: a share of exp(4)."""
    found: dict[str, None] = {}
    for number, graph in enumerate(model.subgraphs):
        results = result_names(model, number)
        for operator in graph.operators:
            if operator.name == "SOFTMAX":
                quantization = graph.tensors[operator.inputs[0]].quantization
                if quantization is not None and max(quantization.scales, default=0.0) > _COARSE:
                    found[operator_layer(graph, operator, results)] = None
    return list(found)
