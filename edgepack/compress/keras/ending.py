"""Whether a Keras model's outputs are probabilities, from the layers that they come out of."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from edgepack.compress.keras.kernels import wrapped_layer
from edgepack.compress.keras.layer_kinds import PASSING, POOLING, RECURRENT, SPATIAL
from edgepack.ground.span import ANY, UNIT, Span, add, clip, divide, hull, maximum, minimum, multiply, subtract, within_unit

_INFINITY = float("inf")
# The ranges of activations, by their functions' names; whatever is not listed has none.
_ACTIVATIONS: dict[str, Span] = {
    **dict.fromkeys(("sigmoid", "hard_sigmoid", "softmax"), UNIT),
    **dict.fromkeys(("tanh", "softsign"), (-1.0, 1.0)),
    **dict.fromkeys(("relu", "softplus", "exponential"), (0.0, _INFINITY)),
    "relu6": (0.0, 6.0),
}
_MERGES: dict[str, Callable[[Span, Span], Span]] = {
    "Add": add,
    "Subtract": subtract,
    "Multiply": multiply,
    "Maximum": maximum,
    "Minimum": minimum,
}
_FUNCTIONS_OF_TWO: dict[str, Callable[[Span, Span], Span]] = {
    "add": add,
    "sub": subtract,
    "subtract": subtract,
    "mul": multiply,
    "multiply": multiply,
    "truediv": divide,
    "divide": divide,
    "maximum": maximum,
    "minimum": minimum,
    "radd": lambda first, second: add(second, first),
    "rsub": lambda first, second: subtract(second, first),
    "rmul": lambda first, second: multiply(second, first),
}
# Layers and functions whose outputs are values of their inputs, means of them, or zeros.
_MOVING = (
    PASSING | POOLING | {"Reshape", "Flatten", "Permute", "RepeatVector", "Concatenate", "Average", "Identity", "QuantizeLayer"}
)
_MOVING_FUNCTIONS = frozenset(
    ("identity", "cast", "reshape", "squeeze", "expand_dims", "transpose", "concat", "stack", "getitem", "reduce_mean")
) | {"reduce_max", "reduce_min", "slice", "gather", "tile", "stop_gradient"}


def ends_in_probabilities(model: Any) -> bool:
    """Whether the first output of a flat Keras model lies between 0 and 1 whatever the input, as after a sigmoid or a softmax.

    Layers are followed back from it, beneath TF-MOT's wrappers: what moves, clips, scales or averages bounded values keeps them
    bounded. A layer of the user's own, or a Lambda, is tried on inputs of every size.
    """
    return within_unit(_Spans().of(model.outputs[0]))


def final_activation(model: Any) -> str:
    """The name of the activation that the first output of a Keras model comes out of, or nothing; for messages."""
    layer = model.outputs[0]._keras_history.layer
    if type(layer).__name__ == "Softmax":
        return "softmax"
    return _activation(_inner(layer))


class _Spans:
    """Between which numbers the values of Keras tensors lie; each is followed back once, however many paths lead to it."""

    def __init__(self) -> None:
        self._known: dict[int, Span] = {}

    def of(self, tensor: Any) -> Span:
        """The span of a Keras tensor, or of a constant."""
        history = getattr(tensor, "_keras_history", None)
        if history is None:
            return _constant(tensor)
        if id(tensor) not in self._known:
            self._known[id(tensor)] = self._made(history.layer, history.layer._inbound_nodes[history.node_index])
        return self._known[id(tensor)]

    def _made(self, layer: Any, node: Any) -> Span:
        """The span of what a layer gives in one of its calls."""
        inner = _inner(layer)
        kind, name = type(inner).__name__, _activation(inner)
        if kind in ("TFOpLambda", "SlicingOpLambda"):
            return self._function(inner, node)
        if kind == "Softmax":
            return UNIT
        if kind == "ReLU":
            bounded = not inner.negative_slope and not inner.threshold
            top = _INFINITY if inner.max_value is None else float(inner.max_value)
            return clip(hull(self._given(node)), (0.0, top)) if bounded else ANY
        if kind in _MERGES:
            return reduce(_MERGES[kind], self._given(node))
        if kind in _MOVING or (kind == "Activation" and name == "linear"):
            return hull(self._given(node))
        if kind in SPATIAL:
            return hull([*self._given(node), (0.0, 0.0)])
        if kind == "Rescaling" and np.ndim(inner.scale) == 0 and np.ndim(inner.offset) == 0:
            scale, offset = float(inner.scale), float(inner.offset)
            return add(multiply(hull(self._given(node)), (scale, scale)), (offset, offset))
        if kind == "Lambda" or not type(inner).__module__.startswith(("tf_keras", "keras", "tensorflow")):
            return _tried(layer, node)
        found = _ACTIVATIONS.get(name, ANY)
        # A recurrent layer weighs its activation by gates between 0 and 1.
        return hull([found, (0.0, 0.0)]) if kind in RECURRENT else found

    def _given(self, node: Any) -> list[Span]:
        return [self.of(one) for one in node.keras_inputs]

    def _function(self, layer: Any, node: Any) -> Span:
        """The span of a function of TensorFlow called as a layer."""
        name = str(getattr(layer, "symbol", "")).rpartition(".")[2] or "getitem"
        arguments = [*node.call_args, *node.call_kwargs.values()]
        if name in _ACTIVATIONS:
            return _ACTIVATIONS[name]
        if name in ("clip_by_value", "clip") and len(arguments) >= 3:
            return hull([_constant(one) for one in arguments[1:3]])
        if name in _FUNCTIONS_OF_TWO and len(arguments) >= 2:
            return _FUNCTIONS_OF_TWO[name](self.of(arguments[0]), self.of(arguments[1]))
        if name in _MOVING_FUNCTIONS and arguments:
            first = arguments[0]
            return hull([self.of(one) for one in (first if isinstance(first, list | tuple) else [first])])
        return ANY


def _inner(layer: Any) -> Any:
    """The layer within TF-MOT's wrappers, TimeDistributed and Bidirectional."""
    inner = wrapped_layer(layer)
    while type(inner).__name__ in ("TimeDistributed", "Bidirectional"):
        inner = inner.layer
    return inner


def _activation(layer: Any) -> str:
    activation = getattr(layer, "activation", None)
    activation = getattr(activation, "activation", activation)  # while it is trained with quantization
    return str(getattr(activation, "__name__", ""))


def _tried(layer: Any, node: Any) -> Span:
    """What a layer of the user's own gave for random inputs from small to huge, if that stayed between 0 and 1."""
    draw = np.random.default_rng(0)
    low, high = _INFINITY, -_INFINITY
    for size in (0.1, 10.0, 1000.0):
        given = [
            (size * draw.normal(size=[4, *(side or 1 for side in one.shape[1:])])).astype(one.dtype.as_numpy_dtype)
            for one in node.keras_inputs
        ]
        try:
            found = np.asarray(layer(given if len(given) > 1 else given[0]))
        except Exception:  # the user's code, on inputs it was not made for
            return ANY
        low, high = min(low, float(found.min())), max(high, float(found.max()))
    return (low, high) if within_unit((low, high)) else ANY


def _constant(value: Any) -> Span:
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError, NotImplementedError):
        return ANY
    return (float(array.min()), float(array.max())) if array.size else ANY
