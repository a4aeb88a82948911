"""Compute at compile time what does not depend on the model's inputs: above all the shapes Keras passes to RESHAPE.

Only exact integer and float operators on plain data are folded; anything quantized is left to its kernel.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgepack.compile.graph import BYTES, Data, Graph, Node, Value
from edgepack.compile.quantize import RANGES
from edgepack.flatbuffer.rules.values import FAILURES
from edgepack.flatbuffer.shapes import size_of_result
from edgepack.flatbuffer.traits import traits_of

MOVES = {"TRANSPOSE", "FILL", "BROADCAST_TO", "TILE", "SLICE", "STRIDED_SLICE", "PACK", "REVERSE_V2"}
"""These, and what keeps the bytes as they are, only move elements, so quantized constants fold too. It is this pass's choice
which: others that move elements are left to their kernels."""

MOST_FOLDED = 1 << 26
"""Elements of a graph that are computed here: a small file can ask for many large constants."""


def fold_constants(graph: Graph) -> Graph:
    """Replace operators of known constants by their result, until nothing changes."""
    kept = []
    room = MOST_FOLDED
    for node in graph.nodes:
        folded = _fold(graph, node, room)
        if folded is None:
            kept.append(node)
        else:
            room -= folded.size
            graph = graph.with_values(replace(graph.values[node.outputs[0]], data=folded, shape=tuple(folded.shape)))
    return graph.with_nodes(kept)


def _fold(graph: Graph, node: Node, room: int) -> Data | None:
    """The operator's result, None if it is not known or has more than `room` elements."""
    if len(node.outputs) != 1 or not node.inputs or node.inputs[0] < 0:
        return None
    output = graph.values[node.outputs[0]]
    if node.op == "SHAPE":
        return np.array(graph.values[node.inputs[0]].shape, output.dtype)
    if node.op == "ZEROS_LIKE":
        return np.zeros(output.shape, output.dtype) if output.dtype in BYTES and output.elements <= room else None
    traits = traits_of(node.op)
    operands = [graph.values[i].data for i in node.inputs if i >= 0]
    known = [data for data in operands if data is not None]
    if len(known) != len(operands):
        return None
    if node.op == "QUANTIZE":
        return _quantized(known[0], output) if known[0].size <= room else None
    moves = traits.same_bytes or node.op in MOVES
    if traits.evaluate is None or (output.dtype not in ("int32", "int64", "float32") and not moves):
        return None
    if traits.same_bytes:
        return known[0].reshape(output.shape) if known and known[0].size == output.elements else None
    if size_of_result(node.op, known, node.options) > room:
        return None
    try:
        return np.asarray(traits.evaluate(known, node.options)).astype(output.dtype)
    except FAILURES:  # malformed operands: left for the operator's own check to name
        return None


def _quantized(data: Data, output: Value) -> Data | None:
    """A float constant as AffineQuantize stores it (reference/quantize.h): rounded half away from zero."""
    if data.dtype != np.float32 or output.dtype not in RANGES or not 0 < output.scale < np.inf or not np.isfinite(data).all():
        return None
    scaled = data / np.float32(output.scale)
    rounded = np.trunc(scaled + np.copysign(np.float32(0.5), scaled)).astype(np.float64) + output.zero_point
    result: Data = rounded.clip(*RANGES[output.dtype]).astype(output.dtype)
    return result
