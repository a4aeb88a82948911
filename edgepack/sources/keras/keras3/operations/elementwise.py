"""Functions of one or two numbers, applied to every number of a tensor: arithmetic, comparisons, logic, activations."""

from __future__ import annotations

import math
from typing import Any

from edgepack.sources.keras.keras3 import activations
from edgepack.sources.keras.keras3.call import (
    Call,
    Expression,
    Inexpressible,
    as_float,
    is_float,
    is_tensor,
    layers,
    promoted,
    squared,
    tf,
    to_type,
)

# Of any numbers, and of real ones.
_ANY = {"Absolute": "abs", "Abs": "abs", "Negative": "negative", "Sign": "sign"}
_REAL = {
    "Fabs": "abs",
    "Arccos": "acos",
    "Arccosh": "acosh",
    "Arcsin": "asin",
    "Arcsinh": "asinh",
    "Arctan": "atan",
    "Arctanh": "atanh",
    "Ceil": "ceil",
    "Cos": "cos",
    "Cosh": "cosh",
    "Erf": "erf",
    "Erfc": "erfc",
    "Expm1": "expm1",
    "Floor": "floor",
    "Isfinite": "is_finite",
    "Isinf": "is_inf",
    "Isnan": "is_nan",
    "Log": "log",
    "Log1p": "log1p",
    "Reciprocal": "reciprocal",
    "Rsqrt": "rsqrt",
    "Sin": "sin",
    "Sinh": "sinh",
    "Sqrt": "sqrt",
    "Tan": "tan",
}
_MERGES = {"Add": "Add", "Subtract": "Subtract", "Multiply": "Multiply", "Maximum": "Maximum", "Minimum": "Minimum"}
_BINARY = {
    "Add": "add",
    "Subtract": "subtract",
    "Multiply": "multiply",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "Fmax": "maximum",
    "Fmin": "minimum",
    "Power": "pow",
    "FloorDivide": "floordiv",
    "Mod": "floormod",
    "Greater": "greater",
    "GreaterEqual": "greater_equal",
    "Less": "less",
    "LessEqual": "less_equal",
}
_REAL_BINARY = {"Divide": "divide", "TrueDivide": "divide", "DivideNoNan": "divide_no_nan", "Arctan2": "atan2"}
_LOGICAL = {"LogicalAnd": "logical_and", "LogicalOr": "logical_or", "LogicalXor": "logical_xor"}
_SCALED = {"Deg2rad": math.pi / 180, "Rad2deg": 180 / math.pi}
_LOGARITHMS = {"Log2": 1 / math.log(2), "Log10": 1 / math.log(10)}


def _unary(name: str) -> Expression:
    return lambda call: getattr(tf().math, name)(call.x, name=call.name)


def _real(name: str) -> Expression:
    return lambda call: getattr(tf().math, name)(as_float(call.x), name=call.name)


def _binary(class_name: str) -> Expression:
    def express(call: Call) -> Any:
        first, second = promoted(call.values[:2])
        merge = _MERGES.get(class_name)
        if merge and is_tensor(first) and is_tensor(second) and tuple(first.shape) == tuple(second.shape):
            return getattr(layers(), merge)(name=call.name)([first, second])
        found = _scaled(class_name, first, second, call.name)
        return found if found is not None else getattr(tf().math, _BINARY[class_name])(first, second, name=call.name)

    return express


def _unequal(call: Call) -> Any:
    """For real numbers as above or below: TFLite's converter has integer forms of these."""
    first, second = promoted(call.values[:2])
    if not is_float(first if is_tensor(first) else second):
        return tf().not_equal(first, second, name=call.name)
    return tf().logical_or(tf().greater(first, second), tf().less(first, second), name=call.name)


def _equal(call: Call) -> Any:
    return tf().logical_not(_unequal(call))


def _real_binary(class_name: str) -> Expression:
    def express(call: Call) -> Any:
        first, second = promoted(call.values[:2], float)
        found = _scaled(class_name, first, second, call.name)
        return found if found is not None else getattr(tf().math, _REAL_BINARY[class_name])(first, second, name=call.name)

    return express


def _scaled(class_name: str, first: Any, second: Any, name: str) -> Any:
    """A tensor with a plain number as a layer that computes tensor * scale + offset; None when it is something else."""
    tensor, number = (first, second) if is_tensor(first) else (second, first)
    if not is_tensor(tensor) or not is_float(tensor) or not isinstance(number, int | float):
        return None
    straight, number = tensor is first, float(number)
    scaling = {
        "Add": (1.0, number),
        "Subtract": (1.0, -number) if straight else (-1.0, number),
        "Multiply": (number, 0.0),
        "Divide": (1.0 / number, 0.0) if straight and number else None,
    }.get(class_name.removeprefix("True"))
    return layers().Rescaling(*scaling, name=name)(tensor) if scaling else None


def _logical(name: str) -> Expression:
    def express(call: Call) -> Any:
        first, second = (to_type(value, "bool") if is_tensor(value) else bool(value) for value in call.values[:2])
        return getattr(tf().math, name)(first, second, name=call.name)

    return express


def _times(factor: float, function: str = "") -> Expression:
    """A number, or a function of it, times a factor."""

    def express(call: Call) -> Any:
        x = as_float(call.x)
        return layers().Rescaling(factor, name=call.name)(getattr(tf().math, function)(x) if function else x)

    return express


def _round(call: Call) -> Any:
    if call.config.get("decimals"):
        raise Inexpressible("decimals")
    return call.x if not is_float(call.x) else tf().round(call.x, name=call.name)


def _trunc(call: Call) -> Any:
    x = as_float(call.x)
    return tf().multiply(tf().sign(x), tf().floor(tf().abs(x)), name=call.name)


def _clip(call: Call) -> Any:
    x, low, high = promoted([call.x, call.get(1, "x_min"), call.get(2, "x_max")])
    return tf().clip_by_value(x, low, high, name=call.name)


def _where(call: Call) -> Any:
    condition, *branches = call.values
    if len(branches) < 2:
        raise Inexpressible("without values to choose from")
    first, second = promoted(branches)
    return tf().where(to_type(condition, "bool"), first, second, name=call.name)


def _cast(call: Call) -> Any:
    dtype = call.config.get("dtype") or call.x.dtype
    return tf().cast(call.x, "float32" if str(dtype) in ("float16", "bfloat16", "float64") else dtype, name=call.name)


def _hypot(call: Call) -> Any:
    first, second = promoted(call.values[:2], float)
    return tf().sqrt(squared(first) + squared(second), name=call.name)


def _activation(activation: Any, *settings: str) -> Expression:
    def express(call: Call) -> Any:
        given = {key: call.config[key] for key in settings if key in call.config}
        return activation(as_float(call.x), call.name, **given)

    return express


ELEMENTWISE: dict[str, Expression] = {
    **{name: _unary(path) for name, path in _ANY.items()},
    **{name: _real(path) for name, path in _REAL.items()},
    **{name: _binary(name) for name in _BINARY},
    **{name: _real_binary(name) for name in _REAL_BINARY},
    **{name: _logical(path) for name, path in _LOGICAL.items()},
    **{name: _times(factor) for name, factor in _SCALED.items()},
    **{name: _times(factor, "log") for name, factor in _LOGARITHMS.items()},
    "Exp": _activation(activations.plain("exponential")),
    "Exp2": lambda call: tf().exp(as_float(call.x) * math.log(2), name=call.name),
    "LogicalNot": lambda call: tf().logical_not(to_type(call.x, "bool"), name=call.name),
    "Equal": _equal,
    "NotEqual": _unequal,
    "Square": lambda call: tf().multiply(call.x, call.x, name=call.name),
    "Round": _round,
    "Trunc": _trunc,
    "Clip": _clip,
    "Where": _where,
    "Cast": _cast,
    "SaturateCast": lambda call: tf().dtypes.saturate_cast(call.x, call.config["dtype"], name=call.name),
    "Hypot": _hypot,
    "Copy": lambda call: tf().identity(call.x, name=call.name),
    "StopGradient": lambda call: tf().stop_gradient(call.x, name=call.name),
    "ConvertToTensor": lambda call: _cast(call) if call.config.get("dtype") else tf().identity(call.x, name=call.name),
    "Relu": _activation(activations.plain("relu")),
    "ReLU": _activation(activations.relu, "negative_slope", "max_value", "threshold"),
    "Mish": _activation(activations.plain("mish")),
    "Sigmoid": _activation(activations.plain("sigmoid")),
    "Tanh": _activation(activations.plain("tanh")),
    "Softplus": _activation(activations.plain("softplus")),
    "Softsign": _activation(activations.plain("softsign")),
    "Silu": _activation(activations.plain("swish")),
    "Selu": _activation(activations.plain("selu")),
    "Relu6": _activation(activations.relu6),
    "LeakyRelu": _activation(activations.leaky_relu, "negative_slope"),
    "Elu": _activation(activations.elu, "alpha"),
    "Celu": _activation(activations.celu, "alpha"),
    "Gelu": _activation(activations.gelu, "approximate"),
    "Glu": _activation(activations.glu, "axis"),
    "HardSigmoid": _activation(activations.hard_sigmoid),
    "HardSilu": _activation(activations.hard_silu),
    "HardTanh": _activation(activations.hard_tanh),
    "HardShrink": _activation(activations.hard_shrink, "threshold"),
    "SoftShrink": _activation(activations.soft_shrink, "threshold"),
    "TanhShrink": _activation(activations.tanh_shrink),
    "SparsePlus": _activation(activations.sparse_plus),
    "SparseSigmoid": _activation(activations.sparse_sigmoid),
    "Squareplus": _activation(activations.squareplus, "b"),
    "Threshold": _activation(activations.threshold, "threshold", "default_value"),
    "Softmax": _activation(activations.softmax, "axis"),
    "LogSoftmax": _activation(activations.log_softmax, "axis"),
    "LogSigmoid": _activation(activations.log_sigmoid),
    "Sparsemax": _activation(activations.sparsemax, "axis"),
}
