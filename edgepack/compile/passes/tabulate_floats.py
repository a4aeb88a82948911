"""Turn float functions of one int8 tensor into tables: DEQUANTIZE, operators of one operand, QUANTIZE.

Converters leave operators that have no integer kernel in float32 between two conversions (NEG, ELU, SIN, ...). Such a chain
takes 256 different values, so it is computed here, operator by operator in float32 as the reference kernels do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgepack.compile.graph import Data, Graph, Node

TABLE = "FLOAT_TABLE"
"""The operator that replaces the chain's QUANTIZE; its option `functions` names the float operators in their order."""


def _through_double(function: Callable[[Data], Data]) -> Callable[[Data], Data]:
    """A float32 function as a good math library rounds it."""
    return lambda x: np.asarray(function(x.astype(np.float64))).astype(np.float32)


FUNCTIONS: dict[str, Callable[[Data], Data]] = {
    "NEG": lambda x: -x,
    "ABS": np.abs,
    "FLOOR": np.floor,
    "CEIL": np.ceil,
    "ROUND": np.rint,
    "SIGN": np.sign,
    "SQUARE": lambda x: x * x,
    "SQRT": np.sqrt,
    "RSQRT": lambda x: np.float32(1) / np.sqrt(x),
    "EXP": _through_double(np.exp),
    "LOG": _through_double(np.log),
    "SIN": _through_double(np.sin),
    "COS": _through_double(np.cos),
    "ELU": _through_double(lambda x: np.where(x < 0, np.expm1(x), x)),
    "RELU": lambda x: np.maximum(x, np.float32(0)),
    "RELU6": lambda x: np.clip(x, np.float32(0), np.float32(6)),
    "RELU_N1_TO_1": lambda x: np.clip(x, np.float32(-1), np.float32(1)),
}


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


def _chain(graph: Graph, node: Node, producers: dict[int, Node]) -> tuple[int, tuple[str, ...]] | None:
    """The int8 value at the chain's beginning and its operators; None when there is no such chain, or nothing in it."""
    if graph.values[node.outputs[0]].dtype != "int8":
        return None
    functions: list[str] = []
    value = node.inputs[0]
    while (before := producers.get(value)) is not None and before.op in FUNCTIONS and len(before.inputs) == 1:
        functions.insert(0, before.op)
        value = before.inputs[0]
    if before is None or before.op != "DEQUANTIZE" or not functions or graph.values[before.inputs[0]].dtype != "int8":
        return None
    return before.inputs[0], tuple(functions)
