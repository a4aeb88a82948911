"""Which layers aware training can take, which of them need a quantize config of ours, and few-bit weights in those it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from edgepack.compress.keras.kernels import layer_variables
from edgepack.compress.keras.models import import_tfmot
from edgepack.compress.quantization.fake_quant import classes, custom_objects, kernel_names
from edgepack.compress.quantization.lowbit import GRIDS, Grid
from edgepack.sources.keras.frameworks import import_tf_keras
from edgepack.sources.keras.own_layers import classes_of, copied

# The activations that TF-MOT's quantize-aware activation knows; any other raises without naming its layer.
_ACTIVATIONS = frozenset({"linear", "relu", "swish", "softmax", "sigmoid", "tanh", "gelu"})
# Integer kernels have a fixed output range for these, which training must not choose.
_FIXED_RANGE = frozenset({"softmax", "sigmoid", "tanh"})
_RECTIFIERS = frozenset({"relu", "relu6"})

# SeparableConv1D too, which TF-MOT would rebuild with Lambda layers that Keras does not load again.
_LINES = frozenset({"Conv1D", "Conv1DTranspose", "DepthwiseConv1D", "SeparableConv1D"})
_KERNELS = _LINES | {"Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "Dense"}
# TF-MOT recognises a BatchNorm behind these; separable convolutions it takes apart first.
_FOLDED = frozenset({"Conv2D", "DepthwiseConv2D", "Dense", "SeparableConv2D"})
# What TF-MOT refuses although only its output needs to be quantized, or not even that.
_MERGES = frozenset({"Average", "Maximum", "Minimum", "Multiply", "PReLU", "Rescaling", "Subtract", "UpSampling1D"})
_PASSING = frozenset({"MaxPooling1D", "RepeatVector", "ZeroPadding3D"})


def own_config(model: Any, layer: Any) -> dict[str, bool] | str:
    """How to annotate a layer with a config of ours: names, of it and the layer before, and whether their outputs are quantized.

    Empty where TF-MOT's own config will do; a text where the layer cannot be wrapped: the reason.
    """
    keras = import_tf_keras()
    kind = type(layer).__name__
    if isinstance(layer, keras.layers.InputLayer) or kind == "SeparableConv2D":
        return {}
    if calls(model, layer) > 1:
        # TF-MOT's patterns look at the first call alone; one range for the outputs of all calls is what remains.
        return {layer.name: True} if kind in _KERNELS else "called several times"
    if type(layer) is keras.layers.BatchNormalization:
        before = folds_into(model, layer)
        return {} if before is not None and type(before).__name__ in _FOLDED else batch_norm_config(model, layer)
    if not type(layer).__module__.startswith("tf_keras."):
        return f"TF-MOT cannot wrap {kind}"
    activation = _activation(layer)
    if kind in _MERGES or kind in _PASSING:
        return {layer.name: kind in _MERGES}
    known = _registry().supports(layer)
    if kind in _LINES or (kind in _KERNELS and activation not in _ACTIVATIONS):
        fused = activation == "linear" and _rectified(model, layer)
        return {layer.name: activation not in _FIXED_RANGE and not fused}
    if not known:
        return f"TF-MOT cannot wrap {kind}"
    if kind == "Activation" and activation not in _ACTIVATIONS | {"relu6"}:
        return {layer.name: True}
    return {} if activation in _ACTIVATIONS | {"relu6"} else f"TF-MOT does not know the activation {activation}"


def batch_norm_config(model: Any, layer: Any) -> dict[str, bool]:
    """A BatchNorm with the layer it will be folded into, quantized after both; alone it is a multiplication and an addition."""
    before = folds_into(model, layer)
    if before is None:
        return {layer.name: True}
    return {before.name: False, layer.name: not _rectified(model, layer)}


def folds_into(model: Any, layer: Any) -> Any:
    """The layer that the converter will fold a BatchNorm into, when nothing has been quantized in between; None if there is none.

    With quantization between the two, the BatchNorm would stay a multiplication and an addition of its own.
    """
    before = layer._inbound_nodes[0].inbound_layers
    if isinstance(before, list) or type(before).__name__ not in _KERNELS | _FOLDED:
        return None
    return before if _activation(before) == "linear" and calls(model, before) == len(_followers(model, before)) == 1 else None


def calls(model: Any, layer: Any) -> int:
    """How often `model` calls `layer`; other models that share the layer do not count."""
    nodes = {id(node) for depth in model._nodes_by_depth.values() for node in depth}
    return sum(id(node) in nodes for node in layer._inbound_nodes)


def _followers(model: Any, layer: Any) -> list[Any]:
    names = {id(other) for other in model.layers}
    return [node.layer for node in layer._outbound_nodes if id(node.layer) in names]


def _rectified(model: Any, layer: Any) -> bool:
    """Whether all that follows is one ReLU, which the converter fuses with the layer."""
    followers = _followers(model, layer)
    if len(followers) != 1:
        return False
    kind = type(followers[0]).__name__
    return kind == "ReLU" or (kind == "Activation" and _activation(followers[0]) in _RECTIFIERS)


def _activation(layer: Any) -> str:
    activation = getattr(layer, "activation", None)
    return "linear" if activation is None else str(getattr(activation, "__name__", type(activation).__name__))


def _registry() -> Any:
    import_tfmot()
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import default_8bit_quantize_registry

    return default_8bit_quantize_registry.Default8BitQuantizeRegistry()


def relevel(wrapped: Any, grids: Mapping[str, Grid]) -> Any:
    """A wrapped model with the kernels of the layers in `grids` rounded to these, with trained scales where they have few bits.

    And with what TF-MOT gets wrong: it trains a depthwise kernel with one scale, where the file has one per channel, and does not
    quantize the kernel of a layer that stands before a ReLU layer.
    """
    from tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper import QuantizeWrapperV2

    keras = import_tf_keras()
    config_class = classes().LayerConfig
    changed: set[str] = set()

    def rewrap(layer: Any) -> Any:
        if not isinstance(layer, QuantizeWrapperV2) or not kernel_names(layer.layer):
            return copied(layer)
        old, grid = layer.quantize_config, grids.get(layer.layer.name)
        if grid is None and type(layer.layer).__name__ != "DepthwiseConv2D" and old.get_weights_and_quantizers(layer.layer):
            return copied(layer)
        chosen = grid or GRIDS["int8"]
        own = isinstance(old, config_class)
        learned = grid is not None and grid.levels < GRIDS["int8"].levels
        new = config_class(asdict(chosen), learned, own and old.quantize_output, None if own else old).get_config()
        config = layer.get_config()
        config["quantize_config"] = {"class_name": "LayerConfig", "config": new}
        changed.add(layer.name)
        return QuantizeWrapperV2.from_config(config)

    with import_tfmot().quantization.keras.quantize_scope(custom_objects() | classes_of(wrapped)):
        model = keras.models.clone_model(wrapped, clone_function=rewrap)
    for before, after in zip(wrapped.layers, model.layers, strict=True):
        if before.name not in changed:
            after.set_weights(before.get_weights())
            continue
        # Another config has other variables for ranges; those of the layer within are the same, in the same order.
        for old, new in zip(layer_variables(before), layer_variables(after), strict=True):
            new.assign(old)
    return model
