"""Multiply-accumulates an operator performs, counted from tensor shapes.

A multiply-accumulate is one product added to a sum of products. Padded positions count, as is usual in the literature;
elementwise operators, pooling and activations count none. The formulas follow the loops of TFLite's reference kernels
(tensorflow/lite/kernels/internal/reference/).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from edgepack.flatbuffer.model import Operator, Subgraph, Tensor


def operator_macs(graph: Subgraph, operator: Operator) -> int:
    """Multiply-accumulates of one execution of `operator`; 0 where its tensors have not the shapes it needs."""
    formula = FORMULAS.get(operator.name)
    if formula is None or not operator.outputs:
        return 0
    inputs = [graph.tensors[index] if index >= 0 else None for index in operator.inputs]
    try:
        return formula(operator, inputs, graph.tensors[operator.outputs[0]])
    except (IndexError, AttributeError):
        return 0


Inputs = Sequence[Tensor | None]


def _shape(inputs: Inputs, index: int) -> tuple[int, ...]:
    tensor = inputs[index]
    return () if tensor is None else tensor.shape


def _convolution(operator: Operator, inputs: Inputs, output: Tensor) -> int:
    """Output elements x kernel height x width x input channels of a group; kernels are (out, height, width, in)."""
    return output.elements * math.prod(_shape(inputs, 1)[1:])


def _depthwise(operator: Operator, inputs: Inputs, output: Tensor) -> int:
    """Output elements x kernel height x width; kernels are (1, height, width, out)."""
    return output.elements * math.prod(_shape(inputs, 1)[1:3])


def _transpose_convolution(operator: Operator, inputs: Inputs, output: Tensor) -> int:
    """Input positions x every kernel element: each input value is scattered over the whole kernel."""
    return math.prod(_shape(inputs, 2)[:-1]) * math.prod(_shape(inputs, 1))


def _convolution_3d(operator: Operator, inputs: Inputs, output: Tensor) -> int:
    """Output positions x every kernel element; kernels are (depth, height, width, in, out)."""
    return math.prod(output.shape[:-1]) * math.prod(_shape(inputs, 1))


def _fully_connected(operator: Operator, inputs: Inputs, output: Tensor) -> int:
    """Output elements x input features; weights are (out, in)."""
    return output.elements * _shape(inputs, 1)[-1]


def _matrix_product(operator: Operator, inputs: Inputs, output: Tensor) -> int:
    """Output elements x the shared dimension."""
    return output.elements * _shape(inputs, 0)[-2 if operator.options.get("adj_x") else -1]


def _recurrent(operator: Operator, inputs: Inputs, output: Tensor) -> int:
    """Time steps x batch x every matrix of the cell; peephole and normalisation vectors are elementwise and not counted."""
    matrices = [
        tensor.elements for tensor in inputs[1:] if tensor is not None and tensor.data is not None and len(tensor.shape) == 2
    ]
    return math.prod(_shape(inputs, 0)[:-1]) * sum(matrices)


def _svdf(operator: Operator, inputs: Inputs, output: Tensor) -> int:
    """Batch x (feature weights (filters, features) + time weights (filters, memory))."""
    return _shape(inputs, 0)[0] * (math.prod(_shape(inputs, 1)) + math.prod(_shape(inputs, 2)))


FORMULAS: dict[str, Callable[[Operator, Inputs, Tensor], int]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transpose_convolution,
    "CONV_3D": _convolution_3d,
    "FULLY_CONNECTED": _fully_connected,
    "BATCH_MATMUL": _matrix_product,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _recurrent,
    "BIDIRECTIONAL_SEQUENCE_LSTM": _recurrent,
    "UNIDIRECTIONAL_SEQUENCE_RNN": _recurrent,
    "BIDIRECTIONAL_SEQUENCE_RNN": _recurrent,
    "LSTM": _recurrent,
    "RNN": _recurrent,
    "SVDF": _svdf,
}
