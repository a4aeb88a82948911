"""The model as the compiler sees it: typed values, operators in order, quantization resolved.

A graph is immutable; every pass returns a new one. A batch dimension of -1 becomes 1: a microcontroller runs one
inference at a time.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from edgepack.flatbuffer import Model, Subgraph, keras_layer, result_names
from edgepack.flatbuffer.tensors import shorten
from edgepack.flatbuffer.types import dtype_bytes
from edgepack.ground.errors import CompileError

Data = npt.NDArray[Any]

LARGEST = (1 << 28) - 1  # elements; offsets in bytes then fit 32-bit integers
LARGEST_STATE = 1 << 26  # bytes of all states together: what they are at first is held in memory
BYTES = {dtype: dtype_bytes(dtype) for dtype in ("int8", "uint8", "bool", "int16", "int32", "float32", "int64")}
"""Of an element, for the types that the compiler knows."""


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor: what an operator reads or writes. `data` is set for constants.

    `limits`, where they are known, are the smallest and largest number that each channel (last axis) can hold.
    """

    id: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    data: Data | None = None
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis: int = 0
    limits: tuple[Data, Data] | None = None

    @property
    def elements(self) -> int:
        """Number of elements; 1 for a scalar."""
        count = 1
        for extent in self.shape:
            count *= extent
        return count

    @property
    def bytes(self) -> int:
        """Size in memory, in bytes."""
        return self.elements * BYTES.get(self.dtype, 0)

    @property
    def scale(self) -> float:
        """The scale of a per-tensor quantized value (0.0 if it has none)."""
        return self.scales[0] if self.scales else 0.0

    @property
    def zero_point(self) -> int:
        """The zero point of a per-tensor quantized value."""
        return self.zero_points[0] if self.zero_points else 0

    @property
    def layer(self) -> str:
        """The Keras layer this tensor comes from, for messages."""
        return keras_layer(self.name)


@dataclass(frozen=True)
class Node:
    """One operator. `inputs`, `outputs` and `intermediates` are value ids; -1 is an optional input left out."""

    index: int
    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, object] = field(default_factory=dict)
    intermediates: tuple[int, ...] = ()
    custom_code: str = ""


@dataclass(frozen=True)
class State:
    """Memory that lives from one inference to the next: a value id and the bytes `reset` puts there."""

    value: int
    initial: bytes


@dataclass(frozen=True)
class Graph:
    """Operators in the order they run. `aliases` maps a value to the one whose memory it shares unchanged (a reshape).

    `initialisers` are the graphs that CALL_ONCE runs before the first inference, by subgraph number. `inputs_in_arena`: the
    inputs lie in the arena and are overwritten, else the caller keeps them. `results` are the names that signatures give
    to outputs.
    """

    values: Mapping[int, Value]
    nodes: tuple[Node, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    states: tuple[State, ...] = ()
    aliases: Mapping[int, int] = field(default_factory=dict)
    initialisers: Mapping[int, Graph] = field(default_factory=dict)
    inputs_in_arena: bool = False
    results: Mapping[int, str] = field(default_factory=dict)

    def root(self, value: int) -> int:
        """The value whose memory this one uses; itself unless it is a reshape of another."""
        while value in self.aliases:
            value = self.aliases[value]
        return value

    def consumers(self, value: int) -> tuple[Node, ...]:
        """The operators that read this value itself (not an alias of it)."""
        return tuple(node for node in self.nodes if value in node.inputs)

    @cached_property
    def readers(self) -> Mapping[int, int]:
        """How many operators read each value that any reads."""
        return Counter(value for node in self.nodes for value in set(node.inputs))

    def producer(self, value: int) -> Node | None:
        """The operator that writes this value; None for inputs, constants and state."""
        return next((node for node in self.nodes if value in node.outputs), None)

    def with_nodes(self, nodes: Iterable[Node]) -> Graph:
        """The same graph with other operators."""
        return replace(self, nodes=tuple(nodes))

    def with_values(self, *changed: Value) -> Graph:
        """The same graph with these values added or replaced (by id)."""
        return replace(self, values={**self.values, **{value.id: value for value in changed}})

    def new_id(self) -> int:
        """An id no value has yet."""
        return max(self.values, default=-1) + 1


def build_graph(model: Model) -> Graph:
    """Build the graph of the model's first subgraph; other subgraphs only initialise state (CALL_ONCE).

    Raises CompileError EP-701 for a model without outputs, or whose tensors have a shape or type that cannot be compiled.
    """
    main = model.subgraphs[0]
    if not main.outputs:
        raise CompileError(
            "EP-701", "the model has no output, so it computes nothing", "Convert the model again, with its outputs."
        )
    graph = _build(main)
    for index in (*graph.inputs, *graph.outputs):
        if graph.values[index].dtype not in BYTES:
            raise CompileError(
                "EP-701",
                f"the model's input or output '{shorten(graph.values[index].name)}' has type {graph.values[index].dtype}",
                "Convert the model with int8 or int16 inputs and outputs.",
            )
    called = {int(str(node.options.get("init_subgraph_index", 0))) for node in graph.nodes if node.op == "CALL_ONCE"}
    initialisers = {index: _build(model.subgraphs[index]) for index in called if 0 < index < len(model.subgraphs)}
    return replace(graph, initialisers=initialisers, results=result_names(model))


def _build(main: Subgraph) -> Graph:
    values: dict[int, Value] = {}
    for tensor in main.tensors:
        quantization = tensor.quantization
        if tensor.sparse:
            raise CompileError(
                "EP-701", f"tensor '{shorten(tensor.name)}' is stored sparse", "Convert the model without EXPERIMENTAL_SPARSITY."
            )
        values[tensor.index] = Value(
            id=tensor.index,
            name=tensor.name,
            shape=_static_shape(tensor.name, tensor.shape),
            # int4 weights are stored as int8: TFLite's kernels unpack them and compute as with int8 weights.
            dtype="int8" if tensor.dtype == "int4" and tensor.data is not None else tensor.dtype,
            data=tensor.data,
            scales=tuple(quantization.scales) if quantization else (),
            zero_points=tuple(quantization.zero_points) if quantization else (),
            axis=quantization.axis if quantization else 0,
        )
    nodes = tuple(
        Node(
            index=operator.index,
            op=operator.name,
            inputs=tuple(operator.inputs),
            outputs=tuple(operator.outputs),
            options=dict(operator.options),
            intermediates=tuple(operator.intermediates),
            custom_code=operator.custom_code,
        )
        for operator in main.operators
    )
    return Graph(values, nodes, tuple(main.inputs), tuple(main.outputs), _variable_tensors(main))


def _variable_tensors(main: Subgraph) -> tuple[State, ...]:
    """State kept in variable tensors (SVDF, LSTM): TFLite resets them to their zero point."""
    states = []
    total = 0
    for tensor in main.tensors:
        if not tensor.is_variable:
            continue
        zero = tensor.quantization.zero_points[0] if tensor.quantization and tensor.quantization.zero_points else 0
        initial = int(zero) if tensor.dtype == "int8" else 0
        if tensor.dtype not in BYTES or not -128 <= initial <= 127:
            raise CompileError(
                "EP-701",
                f"the variable tensor '{shorten(tensor.name)}' has type {tensor.dtype} and zero point {zero}",
                "Convert the model with int8 or int16 state.",
            )
        elements = math.prod(tensor.shape)
        total += elements * BYTES[tensor.dtype]
        if total > LARGEST_STATE:
            raise CompileError(
                "EP-701",
                f"the variable tensors up to '{shorten(tensor.name)}' take {total} bytes",
                "A microcontroller model's state is far smaller.",
            )
        states.append(State(tensor.index, np.full(elements, initial, np.dtype(tensor.dtype)).tobytes()))
    return tuple(states)


def _static_shape(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with a dynamic batch dimension set to 1."""
    result = tuple(1 if extent == -1 and axis == 0 else int(extent) for axis, extent in enumerate(shape))
    if any(extent < 0 for extent in result):
        raise CompileError(
            "EP-701",
            f"tensor '{shorten(name)}' has a dimension unknown at compile time: {list(shape)}",
            "Fix every dimension but the batch in the Keras model's Input layer.",
        )
    if math.prod(result) > LARGEST or max(result, default=0) > LARGEST:  # an extent of 0 hides others
        raise CompileError(
            "EP-701",
            f"tensor '{shorten(name)}' has shape {list(result[:8])}, too large for offsets of 32 bits",
            "A microcontroller model's tensors are far smaller.",
        )
    return result
