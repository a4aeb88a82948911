"""Multiply-accumulates of single operators, counted from tensor shapes.

A multiply-accumulate is one product added to a sum of products. Padded positions count, as is usual in the literature. The
formulas follow the loops of TFLite's reference kernels (tensorflow/lite/kernels/internal/reference/). They raise IndexError or
AttributeError where the tensors have not the shapes they need.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from edgepack.flatbuffer.model import Operator, Tensor

Inputs = Sequence[Tensor | None]
Formula = Callable[[Operator, Inputs, Tensor], int]
"""From the operator, its inputs (None where one is left out) and its first output."""


def _shape(inputs: Inputs, index: int) -> tuple[int, ...]:
    tensor = inputs[index]
    return () if tensor is None else tensor.shape


def convolution(operator: Operator, inputs: Inputs, output: Tensor) -> int:
    """Output elements x kernel height x width x input channels of a group; kernels are (out, height, width, in)."""
    return output.elements * math.prod(_shape(inputs, 1)[1:])


def depthwise(operator: Operator, inputs: Inputs, output: Tensor) -> int:
    """Output elements x kernel height x width; kernels are (1, height, width, out)."""
    return output.elements * math.prod(_shape(inputs, 1)[1:3])


def transpose_convolution(operator: Operator, inputs: Inputs, output: Tensor) -> int:
    """Input positions x every kernel element: each input value is scattered over the whole kernel."""
    return math.prod(_shape(inputs, 2)[:-1]) * math.prod(_shape(inputs, 1))


def convolution_3d(operator: Operator, inputs: Inputs, output: Tensor) -> int:
    """Output positions x every kernel element; kernels are (depth, height, width, in, out)."""
    return math.prod(output.shape[:-1]) * math.prod(_shape(inputs, 1))


def fully_connected(operator: Operator, inputs: Inputs, output: Tensor) -> int:
    """Output elements x input features; weights are (out, in)."""
    return output.elements * _shape(inputs, 1)[-1]


def matrix_product(operator: Operator, inputs: Inputs, output: Tensor) -> int:
    """Output elements x the shared dimension."""
    return output.elements * _shape(inputs, 0)[-2 if operator.options.get("adj_x") else -1]


def recurrent(operator: Operator, inputs: Inputs, output: Tensor) -> int:
    """Time steps x batch x every matrix of the cell; peephole and normalisation vectors are elementwise and not counted."""
    matrices = [
        tensor.elements for tensor in inputs[1:] if tensor is not None and tensor.data is not None and len(tensor.shape) == 2
    ]
    return math.prod(_shape(inputs, 0)[:-1]) * sum(matrices)


def svdf(operator: Operator, inputs: Inputs, output: Tensor) -> int:
    """Batch x (feature weights (filters, features) + time weights (filters, memory))."""
    return _shape(inputs, 0)[0] * (math.prod(_shape(inputs, 1)) + math.prod(_shape(inputs, 2)))
