"""How operators are found, checked and lowered: one registered Operator for each TFLite operator name.

An operator file answers three questions: what does the model ask for, and is it allowed (`describe`); which kernels can do
it (`kernels`, each with the CPU features it needs and its cost); and what is called with which constants (`Kernel.lower`).
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, TypeVar

from edgepack.compile.call import Call
from edgepack.compile.graph import Graph, Node, Value
from edgepack.compile.quantize import RANGES
from edgepack.cores import Cpu
from edgepack.ground.errors import CompileError

Problem = TypeVar("Problem")


@dataclass(frozen=True)
class Kernel(Generic[Problem]):
    """One way to run an operator.

    `needs` are CPU features (cpu.py); `applies` says whether it can do this problem; `cost` estimates the executed
    instructions, for choosing among those that can; `lower` gives the call (or several, in order), with constants packed as
    this kernel reads them.
    """

    name: str
    lower: Callable[[Problem], Call | tuple[Call, ...]]
    needs: frozenset[str] = frozenset()
    applies: Callable[[Problem], bool] = field(default=lambda problem: True)
    cost: Callable[[Problem], float] = field(default=lambda problem: 1e9)


@dataclass(frozen=True)
class Site:
    """An operator in its graph, with the checks every operator makes."""

    node: Node
    graph: Graph

    def has_input(self, index: int) -> bool:
        """Whether the optional input is there."""
        return index < len(self.node.inputs) and self.node.inputs[index] >= 0

    def input(self, index: int) -> Value:
        """The value read as that input. Raises CompileError EP-705 if the model leaves it out."""
        if not self.has_input(index):
            raise self.error("EP-705", f"has no input {index}", CONVERT_AGAIN)
        return self.graph.values[self.node.inputs[index]]

    def optional_input(self, index: int) -> Value | None:
        """The value read as that input, or None if the model leaves it out."""
        return self.input(index) if self.has_input(index) else None

    def constant(self, index: int) -> Value:
        """The input, which must be a constant."""
        value = self.input(index)
        if value.data is None:
            raise self.error(
                "EP-704", f"takes '{value.name}' as computed by the model", "Only a constant can be used there.", value
            )
        return value

    def output(self, index: int = 0) -> Value:
        """The value written as that output."""
        if index >= len(self.node.outputs):
            raise self.error("EP-705", f"has no output {index}", CONVERT_AGAIN)
        return self.graph.values[self.node.outputs[index]]

    def option(self, name: str, default: Any = None) -> Any:
        """An option of the operator, or the default when the model leaves it out."""
        return self.node.options.get(name, default)

    def error(self, code: str, message: str, hint: str, value: Value | None = None) -> CompileError:
        """An error naming the operator, the Keras layer and the tensor; `message` continues "CONV_2D ..."."""
        return operator_error(self.graph, self.node, code, message, hint, value)

    def require(self, condition: bool, message: str, hint: str, value: Value | None = None) -> None:
        """Raise CompileError EP-704 (a form this operator cannot take) unless the condition holds."""
        if not condition:
            raise self.error("EP-704", message, hint, value)

    def require_types(self, *allowed: tuple[str, ...]) -> None:
        """The types of the inputs that are there, then of the output, must be one of the given combinations."""
        found = tuple(self.graph.values[i].dtype for i in self.node.inputs if i >= 0)
        found += tuple(self.graph.values[i].dtype for i in self.node.outputs[:1])
        choices = " or ".join(", ".join(types) for types in allowed)
        hint = UINT8_HINT if "uint8" in found else f"It is compiled for {choices}. {QUANTIZE_HINT}"
        self.require(found in allowed, f"with types {', '.join(found)}", hint)

    def require_quantized(self, *values: Value) -> None:
        """Each value must have one scale, finite and above zero, and a zero point its type can hold."""
        for value in values:
            self.require(len(value.scales) == 1, f"needs one scale for '{value.name}'", QUANTIZE_HINT, value)
            low, high = RANGES.get(value.dtype, (0, 0))
            good = 0 < value.scale < math.inf and low <= value.zero_point <= high
            self.require(good, f"has scale {value.scale} and zero point {value.zero_point}", CHECK_RANGES, value)

    def require_shape(self, value: Value, shape: Sequence[int]) -> None:
        """The file's shape must be the one the operator computes. Raises CompileError EP-705."""
        if tuple(value.shape) != tuple(shape):
            raise self.error(
                "EP-705",
                f"gives {list(shape)}, but the file says {list(value.shape)}",
                CONVERT_AGAIN,
                value,
            )


CONVERT_AGAIN = "The file is inconsistent: convert the model again, with a fixed input shape."
CHECK_RANGES = "Check the model's quantization ranges: the representative data may be wrong."
UINT8_HINT = (
    "uint8 is TensorFlow 1's quantization, which microcontroller kernels have left: convert the Keras model again with "
    "post-training quantization to int8 (tf.lite.OpsSet.TFLITE_BUILTINS_INT8)."
)
QUANTIZE_HINT = "Quantize the model fully: inputs, outputs, weights and activations in int8."


def operator_error(graph: Graph, node: Node, code: str, message: str, hint: str, value: Value | None = None) -> CompileError:
    """A CompileError whose line names the operator, the Keras layer and the tensor."""
    named = value or (graph.values[node.outputs[0]] if node.outputs else None)
    short = named.name.split(";")[0] if named else ""
    where = f" in layer '{named.layer}' (tensor '{short}')" if named else ""
    return CompileError(code, f"{node.op}{where} {message}", hint)


@dataclass(frozen=True)
class Operator(Generic[Problem]):
    """A TFLite operator: how to check it and the kernels that run it, the portable one among them."""

    name: str
    describe: Callable[[Site], Problem]
    kernels: tuple[Kernel[Problem], ...]


_OPERATORS: dict[str, Operator[Any]] = {}
_OF_TYPE: dict[tuple[str, str], Operator[Any]] = {}
_EXTRA_KERNELS: dict[str, list[Kernel[Any]]] = {}


def register(operator: Operator[Any]) -> None:
    """Make an operator known under its TFLite name."""
    _OPERATORS[operator.name] = operator


def register_for(dtype: str, operator: Operator[Any]) -> None:
    """Make known how an operator is compiled when a tensor it computes with has this type (int16 activations)."""
    _OF_TYPE[operator.name, dtype] = operator


def register_kernel(operator: str, kernel: Kernel[Any]) -> None:
    """Add a kernel to an operator defined in another file."""
    _EXTRA_KERNELS.setdefault(operator, []).append(kernel)


def operators() -> dict[str, Operator[Any]]:
    """Every operator by name."""
    _import_every_file()
    return _OPERATORS


@cache
def _import_every_file() -> None:
    """Importing a file of this package registers its operators. Once: listing the folder for each node of each pass took a
    third of the time of a compilation."""
    package = importlib.import_module("edgepack.compile.operators")
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)


@dataclass(frozen=True)
class Choice:
    """A kernel that can run an operator, the checked operator, and the instructions it is expected to take."""

    kernel: Kernel[Any]
    problem: Any
    cost: float

    def calls(self) -> tuple[Call, ...]:
        """What is called, in order."""
        calls = self.kernel.lower(self.problem)
        return calls if isinstance(calls, tuple) else (calls,)


def choices(node: Node, graph: Graph, cpu: Cpu) -> tuple[Choice, ...]:
    """Every kernel that can run this operator on this CPU, cheapest first.

    Raises CompileError EP-703 for an operator that cannot be compiled, and what its `describe` raises.
    """
    known = operators()
    computed = [graph.values[i] for i in (*node.inputs, *node.outputs) if i >= 0 and graph.values[i].data is None]
    of_type = [_OF_TYPE[node.op, value.dtype] for value in computed if (node.op, value.dtype) in _OF_TYPE]
    operator = of_type[0] if of_type else known.get(node.op)
    if operator is None:
        raise operator_error(
            graph, node, "EP-703", "is not among the operators that become C", REPLACEMENTS.get(node.op, ANY_HINT)
        )
    for value in (graph.values[index] for index in node.outputs):
        if value.elements == 0:
            raise operator_error(graph, node, "EP-704", f"computes an empty tensor {list(value.shape)}", CONVERT_AGAIN, value)
    try:
        problem = operator.describe(Site(node, graph))
    except (OverflowError, ZeroDivisionError) as error:  # each scale is finite, but products and quotients of them need not be
        raise operator_error(graph, node, "EP-704", "has scales too far apart to compute with", CHECK_RANGES) from error
    usable = _usable(operator, problem, cpu, () if of_type else _EXTRA_KERNELS.get(node.op, ()))
    if not usable:
        raise operator_error(graph, node, "EP-704", f"has no kernel for this form on {cpu.name}", ANY_HINT)
    return usable


def cheapest(name: str, problem: Any, cpu: Cpu) -> Choice:
    """The cheapest kernel for a checked int8 operator of that name."""
    return _usable(operators()[name], problem, cpu, _EXTRA_KERNELS.get(name, ()))[0]


def _usable(operator: Operator[Any], problem: Any, cpu: Cpu, extra: Sequence[Kernel[Any]]) -> tuple[Choice, ...]:
    """The kernels that can do this, cheapest first."""
    found = [
        Choice(kernel, problem, kernel.cost(problem))
        for kernel in (*operator.kernels, *extra)
        if kernel.needs <= cpu.features and kernel.applies(problem)
    ]
    return tuple(sorted(found, key=lambda choice: choice.cost))


ANY_HINT = 'Replace the layer by one whose operators are in the list of docs/guides/c-code.md, or deploy with runtime = "tflm".'
REPLACEMENTS = {
    "GELU": "Use ReLU, ReLU6 or hard swish instead of GELU.",
    "LOG": "No reference kernel defines its int8 bits: take logarithms in float32 outside the model.",
    "SQRT": "No reference kernel defines its int8 bits: use RSQRT, or compute it outside the model.",
    "NEG": "No runtime has a kernel of it for quantized int8; converters leave it in float32, which is compiled. "
    "Subtract from zero, or multiply by -1.",
    "CONV_3D": "Use Conv2D over stacked channels, or TimeDistributed(Conv2D).",
    "WHILE": "Build recurrent layers with unroll=True, or use streaming state.",
    "IF": "Compute both branches and select by multiplication.",
    "CUSTOM": "Replace the custom operator by built-in layers.",
    "FILL": "Give the model fixed shapes, so that the converter folds the constant.",
    "DENSIFY": "Convert without EXPERIMENTAL_SPARSITY; edgepack stores sparse weights itself.",
}
