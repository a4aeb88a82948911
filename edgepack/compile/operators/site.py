"""An operator in its graph, with the checks every operator makes, and the hints of their errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgepack.compile.graph import Data, Graph, Node, Value
from edgepack.compile.operators.place import place
from edgepack.compile.quantize import RANGES
from edgepack.flatbuffer.tensors import shorten
from edgepack.ground.errors import CompileError


@dataclass(frozen=True)
class Site:
    """An operator in its graph, with the checks every operator makes."""

    node: Node
    graph: Graph
    final: bool = True
    """Whether C follows; passes that ask what values can be need no constants that are short."""

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
                "EP-704", f"takes '{shorten(value.name)}' as computed by the model", "Only a constant can be used there.", value
            )
        return value

    def integers(self, index: int) -> Data:
        """The input's numbers (int64, in its shape): a constant of int32 or int64, such as axes, paddings or sizes."""
        value = self.constant(index)
        assert value.data is not None
        self.require(
            value.dtype in ("int32", "int64"), f"has positions of type {value.dtype}, not int32 or int64", CONVERT_AGAIN, value
        )
        return value.data.astype(np.int64)

    def output(self, index: int = 0) -> Value:
        """The value written as that output."""
        if index >= len(self.node.outputs):
            raise self.error("EP-705", f"has no output {index}", CONVERT_AGAIN)
        return self.graph.values[self.node.outputs[index]]

    def shares(self, value: Value) -> bool:
        """Whether another operator reads this constant too."""
        return self.graph.readers[value.id] > 1

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
        self.require(found in allowed, f"with types {', '.join(found)}", f"It is compiled for {choices}. {QUANTIZE_HINT}")

    def require_quantized(self, *values: Value) -> None:
        """Each value must have one scale, finite and above zero, and a zero point its type can hold.

        A constant that is zero throughout may have the scale 0, as converters give it for want of a range.
        """
        for value in values:
            self.require(len(value.scales) == 1, f"needs one scale for '{shorten(value.name)}'", QUANTIZE_HINT, value)
            low, high = RANGES.get(value.dtype, (0, 0))
            zeros = value.scale == 0 and value.data is not None and bool((value.data == value.zero_point).all())
            good = (0 < value.scale < math.inf or zeros) and low <= value.zero_point <= high
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
QUANTIZE_HINT = "Quantize the model fully: inputs, outputs, weights and activations in int8."
ANY_HINT = 'Replace the layer by one whose operators are in the list of docs/guides/c-code.md, or deploy with runtime = "tflm".'
FLOAT_HINT = (
    "No runtime has a kernel of it for int8; converters leave it in float32 between DEQUANTIZE and QUANTIZE, which is compiled."
)
DYNAMIC_HINT = (
    "Its result has a size that only the data tell: choose by multiplication or tf.where(condition, a, b), or give it constants."
)
REPLACEMENTS = {  # for operators that are not compiled
    "CONV_3D": "No runtime has a kernel of it for int8: use Conv2D over stacked channels, or TimeDistributed(Conv2D).",
    "POW": "A constant exponent of an int8 tensor becomes a table; for a computed one write exp(y * log(x)), or multiply.",
    "ATAN2": "No runtime has a kernel of it for int8: compute angles outside the model.",
    "SQUARE": f"Multiply the tensor by itself. {FLOAT_HINT}",
    "SIN": FLOAT_HINT,
    "COS": FLOAT_HINT,
    "FLOOR": FLOAT_HINT,
    "CEIL": FLOAT_HINT,
    "ROUND": FLOAT_HINT,
    "LOCAL_RESPONSE_NORMALIZATION": "No runtime has a kernel of it for int8: use batch normalization, which costs nothing.",
    "SEGMENT_SUM": "Multiply by a constant matrix of zeros and ones (a Dense layer) instead.",
    "UNSORTED_SEGMENT_SUM": "Multiply by a constant matrix of zeros and ones (a Dense layer) instead.",
    "UNIQUE": DYNAMIC_HINT,
    "WHERE": DYNAMIC_HINT,
    "RANGE": DYNAMIC_HINT,
    "WHILE": "Build recurrent layers with unroll=True, or use streaming state.",
    "IF": "Compute both branches and select by multiplication.",
    "DENSIFY": "Convert without EXPERIMENTAL_SPARSITY: the zeros then stay in the dense weights.",
}


class OperatorError(CompileError):
    """EP-703 to EP-705, of an operator whose operands have these types."""

    def __init__(self, code: str, message: str, hint: str, types: frozenset[str]) -> None:
        super().__init__(code, message, hint)
        self.types = types


def operator_error(graph: Graph, node: Node, code: str, message: str, hint: str, value: Value | None = None) -> OperatorError:
    """An error whose line names the operator, the Keras layer and the tensor."""
    name = f"CUSTOM {shorten(node.custom_code)!r}" if node.op == "CUSTOM" else node.op
    types = frozenset(graph.values[index].dtype for index in (*node.inputs, *node.outputs) if index >= 0)
    return OperatorError(code, f"{name} {place(graph, node, value)} {message}", hint, types)
