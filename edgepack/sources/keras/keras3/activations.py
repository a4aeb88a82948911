"""The activation functions of Keras 3, each as a function of a tensor and the name for its last Keras 2 layer.

`SAME` are those that Keras 2 has with the same meaning, under these names: only they may stay within a layer. The others are put
behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edgepack.sources.keras.keras3.call import layers, positive, rank, size, tf

Activation = Callable[..., Any]

SAME = {
    "elu": "elu",
    "exponential": "exponential",
    "gelu": "gelu",
    "linear": "linear",
    "mish": "mish",
    "relu": "relu",
    "selu": "selu",
    "sigmoid": "sigmoid",
    "silu": "swish",
    "softmax": "softmax",
    "softplus": "softplus",
    "softsign": "softsign",
    "swish": "swish",
    "tanh": "tanh",
}


def plain(function: str) -> Activation:
    """An activation that Keras 2 has under the name `function`."""
    return lambda x, name: layers().Activation(function, name=name)(x)


def relu(x: Any, name: str, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """The rectifier with a slope, a limit and a threshold."""
    return layers().ReLU(max_value, negative_slope, threshold, name=name)(x)


def relu6(x: Any, name: str) -> Any:
    """min(max(x, 0), 6)."""
    return relu(x, name, max_value=6.0)


def leaky_relu(x: Any, name: str, negative_slope: float = 0.2) -> Any:
    """x, times the slope where it is negative."""
    return layers().LeakyReLU(alpha=negative_slope, name=name)(x)


def elu(x: Any, name: str, alpha: float = 1.0) -> Any:
    """alpha * (exp(x) - 1) where x is negative."""
    return layers().ELU(alpha=alpha, name=name)(x)


def celu(x: Any, name: str, alpha: float = 1.0) -> Any:
    """alpha * elu(x / alpha), which is max(x, 0) + alpha * expm1(min(x, 0) / alpha)."""
    if alpha == 1.0:
        return elu(x, name)
    inside = layers().Rescaling(1.0 / alpha, name=f"{name}_in")(x)
    return layers().Rescaling(alpha, name=name)(elu(inside, f"{name}_elu"))


def hard_sigmoid(x: Any, name: str) -> Any:
    """relu6(x + 3) / 6, as Keras 3 defines it; Keras 2's own hard_sigmoid is clip(0.2 x + 0.5, 0, 1)."""
    shifted = layers().Rescaling(1.0, 3.0, name=f"{name}_shift")(x)
    return layers().Rescaling(1.0 / 6.0, name=name)(relu6(shifted, f"{name}_relu6"))


def hard_silu(x: Any, name: str) -> Any:
    """x * relu6(x + 3) / 6."""
    return layers().Multiply(name=name)([x, hard_sigmoid(x, f"{name}_gate")])


def hard_tanh(x: Any, name: str) -> Any:
    """x within -1 and 1."""
    return tf().clip_by_value(x, -1.0, 1.0, name=name)


def sparse_sigmoid(x: Any, name: str) -> Any:
    """(x + 1) / 2 within 0 and 1."""
    shifted = layers().Rescaling(1.0, 1.0, name=f"{name}_shift")(x)
    return layers().Rescaling(0.5, name=name)(relu(shifted, f"{name}_relu", max_value=2.0))


def sparse_plus(x: Any, name: str) -> Any:
    """0 up to -1, (x + 1)² / 4 up to 1, x from there: the sum of its parabola and a rectifier."""
    shifted = layers().Rescaling(1.0, 1.0, name=f"{name}_shift")(x)
    part = relu(shifted, f"{name}_relu", max_value=2.0)
    parabola = layers().Rescaling(0.25, name=f"{name}_parabola")(layers().Multiply(name=f"{name}_square")([part, part]))
    above = layers().Rescaling(1.0, -1.0, name=f"{name}_above")(x)
    return layers().Add(name=name)([parabola, relu(above, f"{name}_line")])


def squareplus(x: Any, name: str, b: float = 4) -> Any:
    """(x + sqrt(x² + b)) / 2."""
    root = tf().sqrt(layers().Rescaling(1.0, float(b), name=f"{name}_b")(layers().Multiply(name=f"{name}_square")([x, x])))
    return layers().Rescaling(0.5, name=name)(layers().Add(name=f"{name}_sum")([x, root]))


def tanh_shrink(x: Any, name: str) -> Any:
    """x - tanh(x)."""
    return layers().Subtract(name=name)([x, layers().Activation("tanh", name=f"{name}_tanh")(x)])


def soft_shrink(x: Any, name: str, threshold: float = 0.5) -> Any:
    """x moved towards zero by `threshold`, as far as zero."""
    inside = tf().clip_by_value(x, -threshold, threshold, name=f"{name}_clip")
    return layers().Subtract(name=name)([x, inside])


def hard_shrink(x: Any, name: str, threshold: float = 0.5) -> Any:
    """x, but 0 within `threshold` of zero."""
    return tf().where(tf().greater(tf().abs(x), threshold), x, 0.0, name=name)


def threshold(x: Any, name: str, threshold: float, default_value: float) -> Any:
    """x above `threshold`, `default_value` otherwise."""
    return tf().where(tf().greater(x, threshold), x, float(default_value), name=name)


def gelu(x: Any, name: str, approximate: bool = False) -> Any:
    """x times the normal distribution's share below x, or its approximation with tanh."""
    return tf().nn.gelu(x, approximate=approximate, name=name)


def glu(x: Any, name: str, axis: int = -1) -> Any:
    """The first half of an axis times the sigmoid of its second half."""
    first, second = tf().split(x, 2, axis=axis, name=f"{name}_halves")
    return layers().Multiply(name=name)([first, layers().Activation("sigmoid", name=f"{name}_gate")(second)])


def softmax(x: Any, name: str, axis: int | None = -1) -> Any:
    """Shares that sum to 1 along `axis`."""
    return layers().Softmax(axis=axis, name=name)(x)


def log_softmax(x: Any, name: str, axis: int = -1) -> Any:
    """The logarithm of softmax."""
    if positive(axis, rank(x)) == rank(x) - 1:
        return tf().nn.log_softmax(x, name=name)
    return tf().subtract(x, tf().reduce_logsumexp(x, axis=axis, keepdims=True), name=name)


def log_sigmoid(x: Any, name: str) -> Any:
    """-softplus(-x)."""
    inside = layers().Activation("softplus", name=f"{name}_softplus")(layers().Rescaling(-1.0, name=f"{name}_negative")(x))
    return layers().Rescaling(-1.0, name=name)(inside)


def sparsemax(x: Any, name: str, axis: int = -1) -> Any:
    """x above a threshold, as Keras 3 computes it.

    The threshold is (sum of the running sums of the support - 1) / its size. Martins and Astudillo (2016) have the last running
    sum in the place of their sum; a model that was trained with Keras's wants Keras's.
    """
    count, axis = size(x, axis), positive(axis, rank(x))
    ordered = tf().sort(x, axis=axis, direction="DESCENDING")
    total = tf().cumsum(ordered, axis=axis)
    places = tf().reshape(tf().range(1.0, count + 1.0), [count if index == axis else 1 for index in range(rank(x))])
    scaled = tf().multiply(ordered, places.numpy().tolist())
    inside = tf().cast(tf().greater(scaled + 1.0, total), "float32")
    kept = tf().reduce_sum(inside, axis=axis, keepdims=True)
    excess = tf().reduce_sum(tf().multiply(total, inside), axis=axis, keepdims=True) - 1.0
    return tf().nn.relu(x - excess / kept, name=name)


# Those that Keras 2 takes from TensorFlow by name, for layers that apply them in every step.
IN_CELLS = frozenset({"leaky_relu", "log_softmax", "relu6"})

BEHIND: dict[str, Activation] = {
    "celu": celu,
    "glu": glu,
    "hard_shrink": hard_shrink,
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": hard_silu,
    "hard_swish": hard_silu,
    "hard_tanh": hard_tanh,
    "leaky_relu": leaky_relu,
    "log_sigmoid": log_sigmoid,
    "log_softmax": log_softmax,
    "relu6": relu6,
    "soft_shrink": soft_shrink,
    "sparse_plus": sparse_plus,
    "sparse_sigmoid": sparse_sigmoid,
    "sparsemax": sparsemax,
    "squareplus": squareplus,
    "tanh_shrink": tanh_shrink,
}
