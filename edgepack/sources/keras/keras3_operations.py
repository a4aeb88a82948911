"""Keras 3 functions in a model's graph (keras.ops.mean, a + b, x[:, 1:]), expressed with Keras 2.

Where Keras 2 has a layer that means the same, the layer is used, because the compression tools know layers; otherwise the
TensorFlow function of the same meaning, which Keras 2 stores in the model by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Config = Mapping[str, Any]
Operation = Callable[[list[Any], Config, str], Any]

_MERGES = {"Add": "Add", "Subtract": "Subtract", "Multiply": "Multiply", "Maximum": "Maximum", "Minimum": "Minimum"}
_ACTIVATIONS = {
    "Relu": "relu",
    "Relu6": "relu6",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Silu": "swish",
    "Selu": "selu",
    "Exp": "exponential",
}
_ELEMENTWISE = {
    "Absolute": "abs",
    "Negative": "negative",
    "Square": "square",
    "Sqrt": "sqrt",
    "Rsqrt": "rsqrt",
    "Log": "log",
    "Floor": "floor",
    "Ceil": "ceil",
    "Sin": "sin",
    "Cos": "cos",
}
_BINARY = {
    "Add": "add",
    "Subtract": "subtract",
    "Multiply": "multiply",
    "Divide": "divide",
    "TrueDivide": "divide",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "Power": "pow",
}
_REDUCTIONS = {"Mean": "reduce_mean", "Sum": "reduce_sum", "Max": "reduce_max", "Min": "reduce_min", "Prod": "reduce_prod"}


def operation(class_name: str) -> Operation | None:
    """How to express a Keras 3 operation: a function of its arguments, its configuration and its name; None when unknown."""
    if class_name in _ACTIVATIONS:
        return lambda arguments, config, name: _activation(_ACTIVATIONS[class_name], name)(arguments[0])
    if class_name in _BINARY:
        return lambda arguments, config, name: _binary(class_name, arguments, name)
    if class_name in _ELEMENTWISE:
        return lambda arguments, config, name: getattr(_tf().math, _ELEMENTWISE[class_name])(arguments[0], name=name)
    if class_name in _REDUCTIONS:
        return lambda arguments, config, name: _reduce(_REDUCTIONS[class_name], arguments, config, name)
    return _OTHERS.get(class_name)


def _tf() -> Any:
    import tensorflow

    return tensorflow


def _layers() -> Any:
    import tf_keras

    return tf_keras.layers


def _is_tensor(value: Any) -> bool:
    import tf_keras

    return hasattr(value, "shape") and not hasattr(value, "__array__") and bool(tf_keras.backend.is_keras_tensor(value))


def _activation(function: str, name: str) -> Any:
    if function == "relu6":
        return _layers().ReLU(max_value=6.0, name=name)
    return _layers().Activation(function, name=name)


def _binary(class_name: str, arguments: list[Any], name: str) -> Any:
    first, second = arguments[:2]
    merge = _MERGES.get(class_name)
    if merge and _is_tensor(first) and _is_tensor(second) and tuple(first.shape) == tuple(second.shape):
        return getattr(_layers(), merge)(name=name)([first, second])
    scaling = _as_rescaling(class_name, first, second)
    if scaling is not None:
        tensor, scale, offset = scaling
        return _layers().Rescaling(scale, offset, name=name)(tensor)
    return getattr(_tf().math, _BINARY[class_name])(first, second, name=name)


def _as_rescaling(class_name: str, first: Any, second: Any) -> tuple[Any, float, float] | None:
    """A tensor with a plain number as tensor * scale + offset."""
    tensor, number = (first, second) if _is_tensor(first) else (second, first)
    if not _is_tensor(tensor) or not isinstance(number, int | float):
        return None
    straight = tensor is first
    if class_name == "Add":
        return tensor, 1.0, float(number)
    if class_name == "Subtract":
        return (tensor, 1.0, -float(number)) if straight else (tensor, -1.0, float(number))
    if class_name == "Multiply":
        return tensor, float(number), 0.0
    if class_name in ("Divide", "TrueDivide") and straight and number:
        return tensor, 1.0 / float(number), 0.0
    return None


def _reduce(function: str, arguments: list[Any], config: Config, name: str) -> Any:
    axis = arguments[1] if len(arguments) > 1 else config.get("axis")
    return getattr(_tf().math, function)(arguments[0], axis=axis, keepdims=bool(config.get("keepdims")), name=name)


def _gelu(arguments: list[Any], config: Config, name: str) -> Any:
    return _tf().nn.gelu(arguments[0], approximate=bool(config.get("approximate", True)), name=name)


def hard_sigmoid(tensor: Any, name: str) -> Any:
    """relu6(x + 3) / 6, as Keras 3 defines it; Keras 2's own hard_sigmoid is clip(0.2 x + 0.5, 0, 1)."""
    layers = _layers()
    shifted = layers.Rescaling(1.0, 3.0, name=f"{name}_shift")(tensor)
    return layers.Rescaling(1.0 / 6.0, name=name)(layers.ReLU(max_value=6.0, name=f"{name}_relu6")(shifted))


def hard_silu(tensor: Any, name: str) -> Any:
    """x * relu6(x + 3) / 6."""
    return _layers().Multiply(name=name)([tensor, hard_sigmoid(tensor, f"{name}_gate")])


def _reshape(arguments: list[Any], config: Config, name: str) -> Any:
    shape = list(arguments[1] if len(arguments) > 1 else config["newshape"])
    tensor = arguments[0]
    if shape and shape[0] in (-1, None):
        return _layers().Reshape([-1 if size is None else size for size in shape[1:]], name=name)(tensor)
    return _tf().reshape(tensor, [-1 if size is None else size for size in shape], name=name)


def _concatenate(arguments: list[Any], config: Config, name: str) -> Any:
    return _layers().Concatenate(axis=config.get("axis", -1), name=name)(arguments[0])


def _get_item(arguments: list[Any], config: Config, name: str) -> Any:
    key = arguments[1]
    return arguments[0][tuple(key) if isinstance(key, list) else key]


def _clip(arguments: list[Any], config: Config, name: str) -> Any:
    low, high = (*arguments[1:], config.get("x_min"), config.get("x_max"))[:2]
    return _tf().clip_by_value(arguments[0], low, high, name=name)


def _pad(arguments: list[Any], config: Config, name: str) -> Any:
    return _tf().pad(arguments[0], config["pad_width"], mode=str(config.get("mode", "constant")).upper(), name=name)


_OTHERS: dict[str, Operation] = {
    "Gelu": _gelu,
    "HardSigmoid": lambda arguments, config, name: hard_sigmoid(arguments[0], name),
    "HardSilu": lambda arguments, config, name: hard_silu(arguments[0], name),
    "LeakyRelu": lambda arguments, config, name: _layers().LeakyReLU(alpha=config["negative_slope"], name=name)(arguments[0]),
    "Elu": lambda arguments, config, name: _layers().ELU(alpha=config.get("alpha", 1.0), name=name)(arguments[0]),
    "Softmax": lambda arguments, config, name: _layers().Softmax(axis=config.get("axis", -1), name=name)(arguments[0]),
    "Reshape": _reshape,
    "Concatenate": _concatenate,
    "GetItem": _get_item,
    "Clip": _clip,
    "Pad": _pad,
    "Transpose": lambda arguments, config, name: _tf().transpose(arguments[0], config.get("axes"), name=name),
    "Squeeze": lambda arguments, config, name: _tf().squeeze(arguments[0], config.get("axis"), name=name),
    "ExpandDims": lambda arguments, config, name: _tf().expand_dims(arguments[0], config["axis"], name=name),
    "Matmul": lambda arguments, config, name: _tf().matmul(arguments[0], arguments[1], name=name),
    "Stack": lambda arguments, config, name: _tf().stack(arguments[0], config.get("axis", 0), name=name),
}
