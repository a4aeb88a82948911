"""Quantization-aware training with TF-MOT: which layers it can take, wrapping them, and giving them sensible first ranges."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from edgepack.compress.keras.models import batches, copy_model, import_tfmot, model_inputs
from edgepack.compress.quantization.aware_layers import batch_norm_config, own_config, relevel
from edgepack.compress.quantization.fake_quant import classes, custom_objects, unrounded
from edgepack.compress.quantization.lowbit import Grid
from edgepack.compress.quantization.same import check_same
from edgepack.ground.errors import RecipeError
from edgepack.sources import Split
from edgepack.sources.keras.frameworks import import_tf_keras
from edgepack.sources.keras.own_layers import classes_of

_NARROWEST = 1e-6
_REFUSED = re.compile(r"Layer ([^:]+):<class")


def wrap(model: Any, leave: frozenset[str] = frozenset(), grids: Mapping[str, Grid] | None = None) -> tuple[Any, dict[str, str]]:
    """A copy of a flat `model` in TF-MOT's quantization wrappers, and the layers left float during training, with the reason.

    Those are quantized by the converter, from the representative data. Layers that TF-MOT refuses although only their kernels and
    outputs need to be quantized get a config of ours. TF-MOT takes a BatchNorm only where it can fold it, which it decides by
    patterns of its own; so what it refuses is taken from it and the rest is tried again. `grids` are the weights allowed in
    layers with few bits.

    Raises:
        RecipeError: EP-416 when not one layer can be wrapped, TF-MOT fails without naming a layer, or a layer computes something
            else in the copy.
    """
    left = dict.fromkeys(leave, "named in exclude")
    ours: dict[str, bool] = {}
    for layer in model.layers:
        config = own_config(model, layer)
        if isinstance(config, str):
            left.setdefault(layer.name, config)
        else:
            ours.update(config)
    quantization = import_tfmot().quantization.keras
    while True:
        if all(layer.name in left or _is_input(layer) for layer in model.layers):
            raise RecipeError(
                "EP-416",
                "quantize: TF-MOT can wrap no layer of this model",
                "set aware = false: the converter quantizes it after training",
            )
        try:
            with quantization.quantize_scope(custom_objects() | classes_of(model)):
                wrapped = quantization.quantize_apply(_annotate(model, left, ours), _scheme(frozenset(left)))
            break
        except (RuntimeError, ValueError, TypeError) as error:
            found = _REFUSED.search(str(error))
            if found is None or found[1] in left or found[1] in ours:
                raise RecipeError(
                    "EP-416",
                    f"quantize: TF-MOT failed: {' '.join(str(error).split())[:200]}",
                    "set aware = false, or name the layer that it dislikes in exclude",
                ) from error
            layer = model.get_layer(found[1])
            if type(layer).__name__ == "BatchNormalization":
                ours.update(batch_norm_config(model, layer))
            else:
                left[layer.name] = f"TF-MOT cannot wrap {type(layer).__name__} here"
    releveled = relevel(wrapped, grids or {})
    with without_quantization(), unrounded():
        check_same(model, releveled)
    return releveled, left


def _annotate(model: Any, left: Collection[str], ours: Mapping[str, bool]) -> Any:
    keras = import_tf_keras()
    annotate = import_tfmot().quantization.keras.quantize_annotate_layer

    def mark(layer: Any) -> Any:
        if layer.name in left or _is_input(layer):
            return layer
        return annotate(layer, classes().LayerConfig(quantize_output=ours[layer.name]) if layer.name in ours else None)

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

    with recording(record):
        for part in batches(len(split), size):
            model(model_inputs(model, split, part), training=False)
    for min_var, max_var, lows, highs, average in seen.values():
        low = min(0.0, float(np.mean(lows) if average else np.min(lows)))
        high = max(0.0, float(np.mean(highs) if average else np.max(highs)))
        set_range(min_var, max_var, low, high)


def set_range(min_var: Any, max_var: Any, low: float, high: float) -> None:
    """Assign a range around zero that is no point.

    What is always 0 (a ReLU that never fires) gets 0 … 1: kernels of 32 bits overflow, and XNNPACK refuses, where a scale is
    almost nothing.
    """
    min_var.assign(low)
    max_var.assign(1.0 if low == high == 0 else max(high, low + _NARROWEST))


@contextmanager
def recording(record: Callable[[Any, Any, Any, bool], Any]) -> Iterator[None]:
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
    with recording(lambda inputs, min_var, max_var, average: inputs):
        yield
