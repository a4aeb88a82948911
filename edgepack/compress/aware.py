"""Quantization-aware training with TF-MOT: which layers it can take, wrapping them, and giving them sensible first ranges."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
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
    for layer in model.layers:
        before = _folds_into(layer)
        if reason := _unsupported(layer):
            left.setdefault(layer.name, reason)
        elif type(before).__name__ == "Conv2DTranspose":
            left.setdefault(before.name, f"so that {layer.name} can be folded into it")
            left.setdefault(layer.name, f"so that it can be folded into {before.name}")
    while True:
        if all(layer.name in left or _is_input(layer) for layer in model.layers):
            raise RecipeError(
                "EP-416",
                "quantize: TF-MOT can wrap no layer of this model",
                "set aware = false: the converter quantizes it after training",
            )
        try:
            return tfmot.quantization.keras.quantize_apply(_annotate(model, frozenset(left)), _scheme(frozenset(left))), left
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


def _scheme(leave: frozenset[str]) -> Any:
    """TF-MOT's 8-bit scheme, except that it leaves the named layers alone.

    Its own one still quantizes the output of a layer that is not annotated when an annotated one follows, and fails where it does
    not know that layer's activation.
    """
    import_tfmot()
    from tensorflow_model_optimization.python.core.quantization.keras import default_8bit

    class Registry(default_8bit.default_8bit_quantize_registry.Default8BitQuantizeRegistry):  # type: ignore[misc]
        def supports(self, layer: Any) -> bool:
            return layer.name not in leave and bool(super().supports(layer))

    class Scheme(default_8bit.default_8bit_quantize_scheme.Default8BitQuantizeScheme):  # type: ignore[misc]
        def get_quantize_registry(self) -> Any:
            return Registry()

    return Scheme()


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
    """Set every activation range of a wrapped `model` to what the examples of `split` need, seen in batches of `size`.

    TF-MOT starts each range at -6..6 and moves it by a thousandth a batch, so that a short fine-tuning would mostly learn to
    live with clipped or coarse activations. Here the ranges are measured on the unquantized model: for inner activations the
    mean of the batches' extremes, which is what TF-MOT's moving average tends to, and for inputs the extremes of all.
    """
    import tensorflow as tf

    seen: dict[int, tuple[Any, Any, list[float], list[float], bool]] = {}

    def record(inputs: Any, min_var: Any, max_var: Any, average: bool) -> Any:
        _, _, lows, highs, _ = seen.setdefault(id(min_var), (min_var, max_var, [], [], average))
        lows.append(float(tf.reduce_min(inputs)))
        highs.append(float(tf.reduce_max(inputs)))
        return inputs

    with _unquantized(record):
        for part in batches(len(split), size):
            model(model_inputs(model, split, part), training=False)
    for min_var, max_var, lows, highs, average in seen.values():
        # The range must hold zero, and must not be a point.
        low = min(0.0, float(np.mean(lows) if average else np.min(lows)))
        high = max(0.0, float(np.mean(highs) if average else np.max(highs)))
        min_var.assign(low)
        max_var.assign(high if high - low > 1e-6 else low + 1e-6)


@contextmanager
def _unquantized(record: Callable[[Any, Any, Any, bool], Any]) -> Iterator[None]:
    """While the block runs, TF-MOT's quantizers let everything through: activations and inputs by way of `record`."""
    import_tfmot()
    from tensorflow_model_optimization.python.core.quantization.keras import quant_ops

    def average(inputs: Any, min_var: Any, max_var: Any, **_: Any) -> Any:
        return record(inputs, min_var, max_var, True)

    def extremes(inputs: Any, min_var: Any, max_var: Any, **_: Any) -> Any:
        return record(inputs, min_var, max_var, False)

    def nothing(inputs: Any, min_var: Any, max_var: Any, **_: Any) -> Any:
        return inputs

    stand_ins = {"MovingAvgQuantize": average, "AllValuesQuantize": extremes, "LastValueQuantize": nothing}
    originals = {name: getattr(quant_ops, name) for name in stand_ins}
    try:
        for name, stand_in in stand_ins.items():
            setattr(quant_ops, name, stand_in)
        yield
    finally:
        for name, original in originals.items():
            setattr(quant_ops, name, original)


@contextmanager
def without_quantization() -> Iterator[None]:
    """While the block runs, wrapped models compute in float: TF-MOT's quantizers let everything through."""
    with _unquantized(lambda inputs, min_var, max_var, average: inputs):
        yield
