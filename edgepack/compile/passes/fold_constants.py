"""Compute at compile time what does not depend on the model's inputs: above all the shapes Keras passes to RESHAPE.

Only exact integer and float operators on plain data are folded; anything quantized is left to its kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from edgepack.compile.graph import Data, Graph, Node

SAME_BYTES = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS"}
MOVES = SAME_BYTES | {"TRANSPOSE"}  # these only move elements, so quantized constants fold too


def fold_constants(graph: Graph) -> Graph:
    """Replace operators of known constants by their result, until nothing changes."""
    kept = []
    for node in graph.nodes:
        folded = _fold(graph, node)
        if folded is None:
            kept.append(node)
        else:
            graph = graph.with_values(replace(graph.values[node.outputs[0]], data=folded, shape=tuple(folded.shape)))
    return graph.with_nodes(kept)


def _fold(graph: Graph, node: Node) -> Data | None:
    if len(node.outputs) != 1 or not node.inputs or node.inputs[0] < 0:
        return None
    output = graph.values[node.outputs[0]]
    if node.op == "SHAPE":
        return np.array(graph.values[node.inputs[0]].shape, output.dtype)
    rule = RULES.get(node.op)
    operands = [graph.values[i].data for i in node.inputs if i >= 0]
    known = [data for data in operands if data is not None]
    if rule is None or len(known) != len(operands):
        return None
    if output.dtype not in ("int32", "int64", "float32") and node.op not in MOVES:
        return None
    if node.op in SAME_BYTES:
        return known[0].reshape(output.shape) if known and known[0].size == output.elements else None
    try:
        return np.asarray(rule(known, node)).astype(output.dtype)
    except (ValueError, IndexError, TypeError):  # malformed operands: left for the operator's own check to name
        return None


def _strided_slice(operands: Sequence[Data], node: Node) -> Data:
    data, begin, end, strides = operands
    masks = ("begin_mask", "end_mask", "shrink_axis_mask")
    begin_mask, end_mask, shrink = (int(str(node.options.get(name, 0))) for name in masks)
    index: list[slice | int] = []
    for axis in range(begin.size):
        if shrink >> axis & 1:
            index.append(int(begin[axis]))
        else:
            first = None if begin_mask >> axis & 1 else int(begin[axis])
            last = None if end_mask >> axis & 1 else int(end[axis])
            index.append(slice(first, last, int(strides[axis])))
    return np.asarray(data[tuple(index)])


def _axis(node: Node) -> int:
    return int(str(node.options.get("axis", 0)))


RULES: dict[str, Callable[[Sequence[Data], Node], Data]] = {
    "STRIDED_SLICE": _strided_slice,
    "PACK": lambda operands, node: np.stack(operands, _axis(node)),
    "CONCATENATION": lambda operands, node: np.concatenate(operands, _axis(node)),
    "CAST": lambda operands, node: operands[0],
    "RESHAPE": lambda operands, node: operands[0],
    "SQUEEZE": lambda operands, node: operands[0],
    "EXPAND_DIMS": lambda operands, node: operands[0],
    "TRANSPOSE": lambda operands, node: np.transpose(operands[0], tuple(operands[1].reshape(-1))),
    "GATHER": lambda operands, node: np.take(operands[0], operands[1].astype(np.int64), _axis(node)),
    "ADD": lambda operands, node: operands[0] + operands[1],
    "SUB": lambda operands, node: operands[0] - operands[1],
    "MUL": lambda operands, node: operands[0] * operands[1],
    "REDUCE_PROD": lambda operands, node: np.prod(operands[0], axis=tuple(operands[1].reshape(-1))),
}
