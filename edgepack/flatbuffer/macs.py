"""Multiply-accumulates an operator performs."""

from __future__ import annotations

from edgepack.flatbuffer.model import Operator, Subgraph
from edgepack.flatbuffer.traits import traits_of


def operator_macs(graph: Subgraph, operator: Operator) -> int:
    """Multiply-accumulates of one execution of `operator`, 0 where its tensors have not the shapes it needs.

    Elementwise operators, pooling and activations count none.
    """
    formula = traits_of(operator.name).macs
    if formula is None or not operator.outputs:
        return 0
    inputs = [graph.tensors[index] if index >= 0 else None for index in operator.inputs]
    try:
        return formula(operator, inputs, graph.tensors[operator.outputs[0]])
    except (IndexError, AttributeError):
        return 0
