"""How each kind of layer carries channels from its inputs to its outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edgepack.compress.keras.layer_kinds import (
    CONVOLUTIONS,
    DEPTHWISE,
    ELEMENTWISE,
    MERGING,
    PASSING,
    POOLING,
    RECURRENT,
    SEPARABLE,
    SPATIAL,
    mixes_channels,
)
from edgepack.compress.structured.channel_groups import Groups, Walk, width

# Functions of tf and tf.keras.backend that work value by value; with scalars or tensors of one shape as operands.
_FUNCTIONS = frozenset(
    [f"__operators__.{name}" for name in ("add", "sub", "mul", "truediv", "rsub", "radd", "rmul")]
    + [f"math.{name}" for name in ("multiply", "add", "subtract", "divide", "truediv", "maximum", "minimum", "pow")]
    + [f"math.{name}" for name in ("tanh", "sigmoid", "negative", "square", "sqrt", "abs", "exp")]
    + [f"nn.{name}" for name in ("relu", "relu6", "sigmoid", "silu", "swish", "tanh", "elu", "leaky_relu", "gelu")]
    + ["clip_by_value", "cast", "identity", "keras.backend.clip"]
)


def flow(walk: Walk, node: Any, given: list[Groups], outputs: list[Any]) -> list[Groups]:
    """The groups of a layer call's output tensors."""
    layer = node.layer
    kind = type(layer).__name__
    if getattr(layer, "data_format", "channels_last") == "channels_first":
        return _whole(walk, layer, given, outputs, "has its channels first")
    if not type(layer).__module__.startswith(("tf_keras", "keras")):
        return _whole(walk, layer, given, outputs, f"is of your own class {kind}")
    return _RULES.get(kind, _unknown)(walk, node, given, outputs)


def _whole(walk: Walk, layer: Any, given: list[Groups], outputs: list[Any], reason: str) -> list[Groups]:
    """Nothing that enters or leaves this layer can be removed."""
    made = [walk.fresh(width(tensor)) for tensor in outputs]
    walk.pin([*given, *made], layer.name, reason)
    return made


def _unknown(walk: Walk, node: Any, given: list[Groups], outputs: list[Any]) -> list[Groups]:
    return _whole(walk, node.layer, given, outputs, f"is a {type(node.layer).__name__}, which cannot be followed")


def _makes(walk: Walk, node: Any, given: list[Groups], outputs: list[Any]) -> list[Groups]:
    layer = node.layer
    if getattr(layer, "groups", 1) != 1:
        return _whole(walk, layer, given, outputs, "is a grouped convolution")
    made = walk.weigh(layer, given[0], walk.fresh(width(outputs[0])), makes=True)
    if mixes_channels(layer):
        walk.pin([made], layer.name, "ends in an activation over all channels")
    return [made]


def _depthwise(walk: Walk, node: Any, given: list[Groups], outputs: list[Any]) -> list[Groups]:
    if mixes_channels(node.layer):
        return _whole(walk, node.layer, given, outputs, "ends in an activation over all channels")
    return [walk.weigh(node.layer, given[0], np.repeat(given[0], node.layer.depth_multiplier), makes=False)]


def _recurrent(walk: Walk, node: Any, given: list[Groups], outputs: list[Any]) -> list[Groups]:
    """What it reads can be removed; its own units are left."""
    layer = node.layer
    if len(given) > 1 or len(outputs) > 1:
        return _whole(walk, layer, given, outputs, "carries states in or out")
    made = walk.weigh(layer, given[0], walk.fresh(width(outputs[0])), makes=True)
    walk.pin([made], layer.name, "is recurrent: its units feed each other")
    return [made]


def _normalization(walk: Walk, node: Any, given: list[Groups], outputs: list[Any]) -> list[Groups]:
    axis = node.layer.axis
    last = len(node.keras_inputs[0].shape) - 1
    if list(axis if isinstance(axis, list | tuple) else [axis]) not in ([last], [-1]):
        return _whole(walk, node.layer, given, outputs, "normalises another axis than the channels")
    return [walk.weigh(node.layer, given[0], given[0], makes=False)]


def _slopes(walk: Walk, node: Any, given: list[Groups], outputs: list[Any]) -> list[Groups]:
    """PReLU: one slope a channel or position, or one for all."""
    return [walk.weigh(node.layer, given[0], given[0], makes=False)]


def _merge(walk: Walk, node: Any, given: list[Groups], outputs: list[Any]) -> list[Groups]:
    ranks = {len(tensor.shape) for tensor in node.keras_inputs}
    if len(ranks) > 1:
        return _whole(walk, node.layer, given, outputs, "joins tensors of different rank")
    return [_united(walk, node.layer, given)]


def _united(walk: Walk, layer: Any, given: list[Groups]) -> Groups:
    """One width for all operands but those of a single channel, which is used for every channel and stays."""
    widest = max(given, key=len)
    for groups in given:
        if len(groups) == len(widest):
            walk.unite(widest, groups)
        else:
            walk.pin([groups], layer.name, "uses one channel for all")
    return widest


def _concatenate(walk: Walk, node: Any, given: list[Groups], outputs: list[Any]) -> list[Groups]:
    rank = len(node.keras_inputs[0].shape)
    if node.layer.axis in (-1, rank - 1):
        return [np.concatenate(given)]
    return [_united(walk, node.layer, given)]


def _passes(walk: Walk, node: Any, given: list[Groups], outputs: list[Any]) -> list[Groups]:
    if mixes_channels(node.layer):
        return _whole(walk, node.layer, given, outputs, "looks at all channels at once")
    return [given[0]]


def _reshape(walk: Walk, node: Any, given: list[Groups], outputs: list[Any]) -> list[Groups]:
    """Flatten and Reshape: every element is labelled, so that any cut along whole channels is understood."""
    before, after = (tuple(tensor.shape)[1:] for tensor in (node.keras_inputs[0], outputs[0]))
    if None in before or None in after or not before:
        return _whole(walk, node.layer, given, outputs, "has an open shape")
    rows = np.broadcast_to(given[0], before).reshape(-1, after[-1])
    if not (rows == rows[0]).all():
        return _whole(walk, node.layer, given, outputs, "splits channels")
    walk.shapes[node.layer.name] = tuple(int(size) for size in after)
    return [walk.weigh(node.layer, given[0], rows[0].copy(), makes=False)]


def _permute(walk: Walk, node: Any, given: list[Groups], outputs: list[Any]) -> list[Groups]:
    if tuple(node.layer.dims)[-1] != len(node.layer.dims):
        return _whole(walk, node.layer, given, outputs, "moves the channels to another axis")
    return [given[0]]


def _function(walk: Walk, node: Any, given: list[Groups], outputs: list[Any]) -> list[Groups]:
    """A function of TensorFlow used as a layer."""
    name = str(node.layer.get_config().get("function", ""))
    others = [value for value in [*node.call_args, *node.call_kwargs.values()] if not hasattr(value, "_keras_history")]
    plain = all(value is None or isinstance(value, str | int | float) or np.ndim(value) == 0 for value in others)
    ranks = {len(tensor.shape) for tensor in node.keras_inputs}
    if name not in _FUNCTIONS or not plain or len(ranks) > 1 or len(outputs) > 1:
        return _whole(walk, node.layer, given, outputs, f"is the function {name}, which cannot be followed")
    return [_united(walk, node.layer, given)]


def _scaled(walk: Walk, node: Any, given: list[Groups], outputs: list[Any]) -> list[Groups]:
    if np.ndim(node.layer.scale) or np.ndim(node.layer.offset):
        return _unknown(walk, node, given, outputs)
    return [given[0]]


_Rule = Callable[[Walk, Any, list[Groups], list[Any]], list[Groups]]
_RULES: dict[str, _Rule] = {
    **dict.fromkeys(CONVOLUTIONS | SEPARABLE | {"Dense"}, _makes),
    **dict.fromkeys(DEPTHWISE, _depthwise),
    **dict.fromkeys(RECURRENT, _recurrent),
    **dict.fromkeys(MERGING, _merge),
    **dict.fromkeys(ELEMENTWISE | PASSING | POOLING | SPATIAL, _passes),
    "BatchNormalization": _normalization,
    "PReLU": _slopes,
    "Concatenate": _concatenate,
    "Flatten": _reshape,
    "Reshape": _reshape,
    "Permute": _permute,
    "Rescaling": _scaled,
    "TFOpLambda": _function,
}
