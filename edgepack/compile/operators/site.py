"""An operator in its graph, with the checks every operator makes, and the hints of their errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgepack.compile.graph import Data, Graph, Node, Value
from edgepack.compile.quantize import RANGES
from edgepack.flatbuffer.tensors import shorten
from edgepack.ground.errors import CompileError


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
        hint = UINT8_HINT if "uint8" in found else f"It is compiled for {choices}. {QUANTIZE_HINT}"
        self.require(found in allowed, f"with types {', '.join(found)}", hint)

    def require_quantized(self, *values: Value) -> None:
        """Each value must have one scale, finite and above zero, and a zero point its type can hold."""
        for value in values:
            self.require(len(value.scales) == 1, f"needs one scale for '{shorten(value.name)}'", QUANTIZE_HINT, value)
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
ANY_HINT = 'Replace the layer by one whose operators are in the list of docs/guides/c-code.md, or deploy with runtime = "tflm".'
REPLACEMENTS = {  # for operators that are not compiled
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
    "DENSIFY": "Convert without EXPERIMENTAL_SPARSITY: the zeros then stay in the dense weights.",
}


def operator_error(graph: Graph, node: Node, code: str, message: str, hint: str, value: Value | None = None) -> CompileError:
    """A CompileError whose line names the operator, the Keras layer and the tensor."""
    named = value or (graph.values[node.outputs[0]] if node.outputs else None)
    short = shorten(named.name.split(";")[0]) if named else ""
    where = f" in layer '{shorten(named.layer)}' (tensor '{short}')" if named else ""
    return CompileError(code, f"{node.op}{where} {message}", hint)
