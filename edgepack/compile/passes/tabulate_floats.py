"""Turn float functions of one int8 tensor into tables: DEQUANTIZE, operators of one operand or with a constant number, QUANTIZE.

Converters leave operators that have no integer kernel in float32 between two conversions (NEG, ELU, SIN, ...). Such a chain
takes 256 different values, so it is computed here, operator by operator in float32 as the reference kernels do.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgepack.compile.graph import Graph, Node
from edgepack.compile.operators.activations.float_functions import FUNCTIONS, OF_TWO, TABLE, Function


def tabulate_floats(graph: Graph) -> Graph:
    """Replace each QUANTIZE at the end of such a chain; the operators that then feed nobody are dropped later."""
    producers = {output: node for node in graph.nodes for output in node.outputs}
    nodes = []
    for node in graph.nodes:
        chain = _chain(graph, node, producers) if node.op == "QUANTIZE" and node.inputs and node.outputs else None
        if chain is not None:
            source, functions = chain
            node = replace(node, op=TABLE, inputs=(source,), options={"functions": functions})
        nodes.append(node)
    return graph.with_nodes(nodes)


def _chain(graph: Graph, node: Node, producers: dict[int, Node]) -> tuple[int, tuple[Function, ...]] | None:
    """The int8 value at the chain's beginning and its operators; None when there is no such chain, or nothing in it."""
    if graph.values[node.outputs[0]].dtype != "int8":
        return None
    functions: list[Function] = []
    value = node.inputs[0]
    while (before := producers.get(value)) is not None and (found := _function(graph, before)) is not None:
        value, function = found
        functions.insert(0, function)
    if before is None or before.op != "DEQUANTIZE" or not functions:
        return None
    if len(before.inputs) != 1 or before.inputs[0] < 0 or graph.values[before.inputs[0]].dtype != "int8":
        return None
    return before.inputs[0], tuple(functions)


def _function(graph: Graph, node: Node) -> tuple[int, Function] | None:
    """The operand of a float operator that keeps its shape, and what the operator makes of each element; None for any other."""
    if node.op in FUNCTIONS and len(node.inputs) == 1:
        return node.inputs[0], Function(node.op)
    if node.op not in OF_TWO or len(node.inputs) != 2 or min(node.inputs) < 0 or len(node.outputs) != 1:
        return None
    for computed, other in (node.inputs, node.inputs[::-1]):
        constant = graph.values[other].data
        same = graph.values[computed].shape == graph.values[node.outputs[0]].shape
        if same and constant is not None and constant.size == 1 and constant.dtype == np.float32:
            return computed, Function(node.op, float(constant.reshape(-1)[0]), other == node.inputs[0])
    return None
