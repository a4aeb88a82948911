"""A model as it was before its weights were coded."""

from __future__ import annotations

from dataclasses import replace

from edgepack.flatbuffer.decode.layout import OPERATOR, TYPES
from edgepack.flatbuffer.decode.read import is_known, read_coded
from edgepack.flatbuffer.model import Model, Operator, Subgraph, Tensor

_MOST = 1 << 26  # elements of a tensor: some codes say much in a few bytes


def plain_model(model: Model) -> Model:
    """The model without the operators that decode constants: what they give is constant. Itself when there are none.

    Raises:
        ModelError: EP-206 for a code that does not fit its tensor.
    """
    if not any(operator.custom_code == OPERATOR for graph in model.subgraphs for operator in graph.operators):
        return model
    return replace(model, subgraphs=tuple(map(_plain, model.subgraphs)))


def _plain(graph: Subgraph) -> Subgraph:
    tensors, operators = list(graph.tensors), []
    for operator in graph.operators:
        decoded = _decoded(graph, operator)
        for tensor in decoded:
            tensors[tensor.index] = tensor
        if not decoded:
            operators.append(operator)
    return replace(graph, tensors=tuple(tensors), operators=tuple(operators))


def _decoded(graph: Subgraph, operator: Operator) -> list[Tensor]:
    """What a decoding operator writes, with its content; nothing for any other, and where something is not constant or known."""
    coded = [graph.tensors[index].data if index >= 0 else None for index in operator.inputs]
    parts = [part.tobytes() for part in coded if part is not None]
    outputs = [graph.tensors[index] for index in operator.outputs]
    if operator.custom_code != OPERATOR or not len(parts) == len(coded) == 2 * len(outputs):
        return []
    if not all(map(is_known, parts[1::2])) or any(tensor.dtype not in TYPES or tensor.elements > _MOST for tensor in outputs):
        return []
    return [
        replace(output, data=read_coded(encoded, ancillary, output))
        for output, encoded, ancillary in zip(outputs, parts[::2], parts[1::2], strict=True)
    ]
