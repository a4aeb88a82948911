"""What values each channel of each tensor can take, whatever the model's input: intervals carried through the operators.

Each operator's own rule (`Operator.ranges`) is sound; one without gives the full range of int8. Channels are the last axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgepack.compile.graph import Graph, Node, Value
from edgepack.compile.operators.kernel import Range, Ranges
from edgepack.compile.operators.site import Site
from edgepack.compile.operators.table import OPERATORS
from edgepack.ground.errors import CompileError

MOST_CHANNELS = 1 << 22
"""Of all values together: what the ranges of a model take in memory is bounded, whatever shapes its file says."""


def channel_ranges(graph: Graph) -> tuple[dict[int, Range], dict[int, Any]]:
    """The range of every int8 value with at least one axis, and the checked int8 operators by their nodes' indices.

    Nothing of either for a graph with more channels than `MOST_CHANNELS`. An operator that is not checked, because it has a form
    that cannot be compiled, is refused where it is lowered.
    """
    channels = [value for value in graph.values.values() if value.dtype == "int8" and value.shape]
    if sum(value.shape[-1] for value in channels) > MOST_CHANNELS:
        return {}, {}
    ranges = {value.id: _of_constant(value) if value.data is not None else _full(value) for value in channels}
    checked: dict[int, Any] = {}
    for node in graph.nodes:
        if node.op not in OPERATORS:
            continue
        operator = OPERATORS[node.op].of(node)
        if operator.ranges is None or not _plain(node, ranges):
            continue
        try:
            problem = operator.checked(Site(node, graph, final=False))
        except CompileError:
            continue
        checked[node.index] = problem
        found = operator.ranges(problem, ranges)
        if found is not None and found[0].size == graph.values[node.outputs[0]].shape[-1]:
            ranges[node.outputs[0]] = found
    return ranges, checked


def _plain(node: Node, ranges: Ranges) -> bool:
    """Whether the first input and the only output are int8 tensors with channels."""
    return len(node.outputs) == 1 and bool(node.inputs) and node.inputs[0] in ranges and node.outputs[0] in ranges


def _full(value: Value) -> Range:
    channels = value.shape[-1]
    return np.full(channels, -128, np.int64), np.full(channels, 127, np.int64)


def _of_constant(value: Value) -> Range:
    assert value.data is not None
    if value.data.size == 0:
        return _full(value)
    rows = value.data.reshape(-1, value.shape[-1]).astype(np.int64)
    return rows.min(axis=0), rows.max(axis=0)
