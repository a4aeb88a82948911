"""Shapes of tensors that the file leaves open, computed from the inputs' shapes with a batch of 1.

A converter writes 1 for every dimension it does not know. Where only the batch is unknown that is right, but not behind
SPACE_TO_BATCH_ND, TRANSPOSE_CONV, or a resize to a computed size: runtimes compute those shapes when they allocate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgepack.flatbuffer.model import Array, Operator, Subgraph, Tensor
from edgepack.flatbuffer.rules.shapes import Operands, Shape
from edgepack.flatbuffer.rules.values import FAILURES, Options
from edgepack.flatbuffer.traits import traits_of

_SMALL = 64  # elements of the constants that shapes are computed from
_INTEGERS = ("int32", "int64")


def resolve_shapes(graph: Subgraph) -> Subgraph:
    """The subgraph with the shapes that its operators compute, where the file says they may vary; others stay."""
    if not any(-1 in tensor.shape_signature for tensor in graph.tensors):
        return graph
    tensors = list(graph.tensors)
    known: dict[int, Array] = {
        tensor.index: tensor.data for tensor in tensors if tensor.data is not None and tensor.data.size <= _SMALL
    }
    for operator in graph.operators:
        operands = Operands(
            [tensors[index].shape if index >= 0 else () for index in operator.inputs],
            [known.get(index) for index in operator.inputs],
            operator.options,
        )
        for index, shape in zip(operator.outputs, _shapes(operator, operands, len(operator.outputs)), strict=False):
            if -1 in tensors[index].shape_signature and all(extent > 0 for extent in shape):
                tensors[index] = replace(tensors[index], shape=tuple(int(extent) for extent in shape))
        value = _value(operator, operands, tensors)
        if value is not None:
            known[operator.outputs[0]] = value
    return replace(graph, tensors=tuple(tensors))


def _value(operator: Operator, operands: Operands, tensors: Sequence[Tensor]) -> Array | None:
    """The result of shape arithmetic, None when it is not known."""
    if len(operator.outputs) != 1 or tensors[operator.outputs[0]].dtype not in _INTEGERS:
        return None
    dtype = tensors[operator.outputs[0]].dtype
    if operator.name == "SHAPE" and operands.shapes:
        return np.array(operands.shapes[0], dtype)
    values = [value for value in operands.values if value is not None]
    traits = traits_of(operator.name)
    if traits.evaluate is None or len(values) != len(operands.values):
        return None
    if size_of_result(operator.name, values, operator.options) > _SMALL:
        return None
    try:
        result = np.asarray(traits.evaluate(values, operator.options)).astype(dtype)
        shape = _shapes(operator, operands, 1)
        result = result.reshape(shape[0]) if traits.same_bytes and shape else result
        return result if result.size <= _SMALL else None
    except FAILURES:
        return None


def size_of_result(name: str, values: Sequence[Array], options: Options) -> int:
    """Elements that the operator's rule would compute from these operands; 0 where its shape cannot be told beforehand.

    Asked before computing: a file of a few hundred bytes can say a constant of any size.
    """
    rule = traits_of(name).shape
    if rule is None:
        return 0
    try:
        return math.prod(rule(Operands([value.shape for value in values], values, options)))
    except FAILURES:
        return 0


def _shapes(operator: Operator, operands: Operands, outputs: int) -> list[Shape]:
    """The outputs' shapes, none when they cannot be told."""
    rule = traits_of(operator.name).shape
    if rule is None:
        return []
    try:
        return [rule(operands)] * outputs
    except FAILURES:
        return []
