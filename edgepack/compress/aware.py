"""Quantization-aware training with TF-MOT: which layers it can take, wrapping them, and giving them sensible first ranges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from edgepack.compress.models import batches, copy_model, import_tfmot, model_inputs
from edgepack.errors import RecipeError
from edgepack.sources import Split
from edgepack.sources.frameworks import import_tf_keras

# The activations that TF-MOT's quantize-aware activation knows; any other raises without naming its layer.
_ACTIVATIONS = frozenset({"linear", "relu", "swish", "softmax", "sigmoid", "tanh", "gelu"})
_REFUSED = re.compile(r"Layer ([^:]+):<class")


def wrap(model: Any, leave: frozenset[str] = frozenset()) -> tuple[Any, dict[str, str]]:
    """A copy of a flat `model` in TF-MOT's quantization wrappers, and the layers left float during training, with the reason.

    Those are quantized by the converter, from the representative data. TF-MOT takes a BatchNorm only where it can fold it, which
    it decides by patterns of its own; so the layer it refuses is left out and the rest is tried again.

    Raises:
        RecipeError: EP-416 when not one layer can be wrapped, or TF-MOT fails without naming a layer.
    """
    tfmot = import_tfmot()
    left = dict.fromkeys(leave, "named in exclude")
    left |= {layer.name: reason for layer in model.layers if (reason := _unsupported(layer)) and layer.name not in left}
    while True:
        if all(layer.name in left or _is_input(layer) for layer in model.layers):
            raise RecipeError(
                "EP-416",
                "quantize: TF-MOT can wrap no layer of this model",
                "set aware = false: the converter quantizes it after training",
            )
        try:
            return tfmot.quantization.keras.quantize_apply(_annotate(model, frozenset(left))), left
        except (RuntimeError, ValueError, TypeError) as error:
            found = _REFUSED.search(str(error))
            if found is None or found[1] in left:
                raise RecipeError(
                    "EP-416",
                    f"quantize: TF-MOT failed: {' '.join(str(error).split())[:200]}",
                    "set aware = false, or name the layer that it dislikes in exclude",
                ) from error
            layer = model.get_layer(found[1])
            left[layer.name] = f"TF-MOT cannot wrap {type(layer).__name__} here"
            before = _folds_into(layer)
            if before is not None and before.name not in left:
                left[before.name] = f"so that {layer.name} can be folded into it"


def _folds_into(layer: Any) -> Any:
    """The layer that the converter will fold a BatchNorm into, when nothing has been quantized in between; None if there is none.

    With quantization between the two, the BatchNorm would stay a multiplication and an addition of its own.
    """
    before = layer._inbound_nodes[0].inbound_layers
    if type(layer).__name__ != "BatchNormalization" or isinstance(before, list):
        return None
    return before if hasattr(before, "kernel") and len(before._outbound_nodes) == 1 else None


def _annotate(model: Any, leave: frozenset[str]) -> Any:
    keras = import_tf_keras()
    annotate = import_tfmot().quantization.keras.quantize_annotate_layer

    def mark(layer: Any) -> Any:
        return layer if layer.name in leave or _is_input(layer) else annotate(layer)

    return keras.models.clone_model(copy_model(model), clone_function=mark)


def _is_input(layer: Any) -> bool:
    return isinstance(layer, import_tf_keras().layers.InputLayer)


def _unsupported(layer: Any) -> str:
    """Why TF-MOT cannot wrap a layer, or an empty text. BatchNorm and separable convolutions depend on what is around them."""
    import_tfmot()
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import default_8bit_quantize_registry

    keras = import_tf_keras()
    kind = type(layer)
    layers = keras.layers
    if _is_input(layer) or kind in (layers.BatchNormalization, layers.SeparableConv1D, layers.SeparableConv2D):
        return ""
    if not default_8bit_quantize_registry.Default8BitQuantizeRegistry().supports(layer):
        return f"TF-MOT cannot wrap {kind.__name__}"
    activation = getattr(layer, "activation", None)
    name = getattr(activation, "__name__", type(activation).__name__)
    allowed = _ACTIVATIONS | {"relu6"} if kind is layers.Activation else _ACTIVATIONS
    if activation is not None and name not in allowed:
        return f"TF-MOT does not know the activation {name}"
    return ""


def calibrate(model: Any, split: Split, size: int) -> None:
    """Set every activation range of a wrapped `model` to what the examples of `split` need.

    TF-MOT starts each range at -6..6 and moves it by a thousandth a batch, so that a short fine-tuning would mostly learn to
    live with clipped or coarse activations. Here the ranges start as the mean of the batches' extremes on the unquantized model,
    which is what the moving average tends to.
    """
    import tensorflow as tf

    lows: dict[int, list[float]] = {}
    highs: dict[int, list[float]] = {}
    ranges: dict[int, tuple[Any, Any]] = {}

    def record(inputs: Any, min_var: Any, max_var: Any, **_: Any) -> Any:
        ranges[id(min_var)] = (min_var, max_var)
        lows.setdefault(id(min_var), []).append(float(tf.reduce_min(inputs)))
        highs.setdefault(id(min_var), []).append(float(tf.reduce_max(inputs)))
        return inputs

    with _ranges_seen_by(record):
        for part in batches(len(split), size):
            model(model_inputs(model, split, part), training=False)
    for key, (min_var, max_var) in ranges.items():
        # The range must hold zero, and must not be a point.
        low, high = min(0.0, float(np.mean(lows[key]))), max(0.0, float(np.mean(highs[key])))
        min_var.assign(low)
        max_var.assign(high if high - low > 1e-6 else low + 1e-6)


@contextmanager
def _ranges_seen_by(record: Any) -> Iterator[None]:
    """While the block runs, TF-MOT's moving-average quantization calls `record` instead."""
    from tensorflow_model_optimization.python.core.quantization.keras import quant_ops

    original = quant_ops.MovingAvgQuantize
    quant_ops.MovingAvgQuantize = record
    try:
        yield
    finally:
        quant_ops.MovingAvgQuantize = original
