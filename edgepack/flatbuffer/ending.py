"""Whether a model's outputs are probabilities, from the operators that they come out of."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from edgepack.flatbuffer.model import Model, Operator, Subgraph, Tensor
from edgepack.flatbuffer.traits import traits_of
from edgepack.ground.span import ANY, UNIT, Span, add, clip, divide, hull, maximum, minimum, multiply, subtract, within_unit

_INFINITY = float("inf")
_CLIPS: dict[object, Span] = {
    "RELU": (0.0, _INFINITY),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}
_FIXED: dict[str, Span] = {
    "LOGISTIC": UNIT,
    "SOFTMAX": UNIT,
    "TANH": (-1.0, 1.0),
    "EXP": (0.0, _INFINITY),
    "ABS": (0.0, _INFINITY),
    "SQUARE": (0.0, _INFINITY),
}
_OF_TWO: dict[str, Callable[[Span, Span], Span]] = {
    "ADD": add,
    "SUB": subtract,
    "MUL": multiply,
    "DIV": divide,
    "MAXIMUM": maximum,
    "MINIMUM": minimum,
}
# Their outputs are values of their inputs, means of them, or zeros.
_MOVING = frozenset(
    ("AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN", "REDUCE_MAX", "REDUCE_MIN", "CONCATENATION", "PACK", "UNPACK", "SLICE")
) | {"STRIDED_SLICE", "SPLIT", "SPLIT_V", "GATHER", "TRANSPOSE", "REVERSE_V2", "TILE", "BROADCAST_TO", "PAD", "CAST"}
_RESIZING = frozenset({"RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "DEPTH_TO_SPACE", "SPACE_TO_DEPTH"})
_LISTS = frozenset({"CONCATENATION", "PACK"})
_DEPTH = 64  # operators looked back through


def ends_in_probabilities(model: Model) -> bool:
    """Whether the first output of a .tflite lies between 0 and 1 whatever the input, as after a sigmoid or a softmax.

    Operators are followed back from it: what moves, clips, scales or averages bounded values keeps them bounded.
    """
    graph = model.subgraphs[0]
    return bool(graph.outputs) and within_unit(_Spans(graph).of(graph.outputs[0]))


class _Spans:
    """Between which numbers the real values of tensors lie; each is followed back once, however many paths lead to it."""

    def __init__(self, graph: Subgraph) -> None:
        self._graph = graph
        self._makers = {tensor: operator for operator in graph.operators for tensor in operator.outputs}
        self._known: dict[int, Span] = {}

    def of(self, index: int, depth: int = _DEPTH) -> Span:
        """The span of a tensor, `depth` operators back at most."""
        if index < 0 or not depth:
            return ANY
        if index not in self._known:
            self._known[index] = self._made(index, depth)
        return self._known[index]

    def _made(self, index: int, depth: int) -> Span:
        tensor, operator = self._graph.tensors[index], self._makers.get(index)
        if tensor.data is not None:
            return _constant(tensor)
        if operator is None:
            return ANY
        span = _made(operator, lambda place: self.of(operator.inputs[place], depth - 1))
        fused = _CLIPS.get(operator.options.get("fused_activation_function"))
        return span if fused is None else clip(span, fused)


def _made(operator: Operator, given: Callable[[int], Span]) -> Span:
    name = operator.name
    if name in _FIXED:
        return _FIXED[name]
    if name in _CLIPS:
        return clip(given(0), _CLIPS[name])
    if name in _OF_TWO:
        return reduce(_OF_TWO[name], (given(0), given(1)))
    if name == "NEG":
        return subtract((0.0, 0.0), given(0))
    if traits_of(name).keeps_values or name in _MOVING or name in _RESIZING:
        first = 1 if name == "SPLIT" else 0  # whose first input is the axis
        found = [given(place) for place in (range(len(operator.inputs)) if name in _LISTS else (first,))]
        return hull([*found, (0.0, 0.0)]) if name == "PAD" else hull(found)
    return ANY


def _constant(tensor: Tensor) -> Span:
    """The least and the greatest real value of a constant."""
    data = tensor.data
    if data is None or not data.size or data.dtype.kind not in "fiu":
        return ANY
    low, high = float(data.min()), float(data.max())
    if tensor.quantization is None or not tensor.quantization.scales:
        return low, high
    if tensor.quantization.per_channel:
        return ANY
    scale, zero = tensor.quantization.scales[0], tensor.quantization.zero_points[0]
    return (low - zero) * scale, (high - zero) * scale
