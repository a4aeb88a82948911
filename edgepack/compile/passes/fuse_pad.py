"""Let a convolution or pooling pad by itself: a PAD over height and width before it becomes explicit padding.

Exact because a convolution's kernels read the input's zero point outside of the input, which is what PAD fills with; a pooling
takes any value. Saves the padded copy: its memory and its time.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgepack.compile.graph import Graph, Node
from edgepack.compile.operators.table import OPERATORS


def fuse_pad(graph: Graph) -> Graph:
    """Fuse each PAD that only one convolution or pooling reads."""
    for pad in graph.nodes:
        found = _margins(graph, pad)
        if found is None:
            continue
        margins, fill = found
        readers = graph.consumers(pad.outputs[0])
        if len(readers) != 1 or pad.outputs[0] in graph.outputs:
            continue
        window = readers[0]
        operator = OPERATORS[window.op].of(window) if window.op in OPERATORS else None
        if operator is None or operator.explicit_padding is None:
            continue
        if operator.explicit_padding == "zero" and fill != graph.values[pad.inputs[0]].zero_point:
            continue
        if window.inputs.count(pad.outputs[0]) != 1 or window.inputs[0] != pad.outputs[0]:
            continue
        options = {**window.options, "explicit_padding": margins, "explicit_fill": fill}
        fused = replace(window, inputs=(pad.inputs[0], *window.inputs[1:]), options=options)
        graph = graph.with_nodes(fused if node is window else node for node in graph.nodes if node is not pad)
    return graph


def _margins(graph: Graph, node: Node) -> tuple[tuple[int, int, int, int], int] | None:
    """(top, bottom, left, right) of a PAD over height and width, and what it fills with; None for any other operator."""
    if node.op not in ("PAD", "PADV2") or len(node.inputs) < 2 or min(node.inputs) < 0 or len(node.outputs) != 1:
        return None
    source, paddings, output = (graph.values[i] for i in (*node.inputs[:2], node.outputs[0]))
    if source.dtype != "int8" or paddings.data is None or paddings.data.shape != (4, 2) or len(source.shape) != 4:
        return None
    if source.scales != output.scales or source.zero_points != output.zero_points:
        return None
    value = source.zero_point
    if node.op == "PADV2":
        fill = graph.values[node.inputs[2]].data if len(node.inputs) > 2 else None
        if fill is None or fill.size != 1 or fill.dtype != np.int8:
            return None
        value = int(fill.reshape(-1)[0])
    amounts = [[int(n) for n in row] for row in paddings.data]
    if amounts[0] != [0, 0] or amounts[3] != [0, 0] or min(amounts[1] + amounts[2]) < 0:
        return None
    (top, bottom), (left, right) = amounts[1], amounts[2]
    if output.shape != (source.shape[0], source.shape[1] + top + bottom, source.shape[2] + left + right, source.shape[3]):
        return None
    return (top, bottom, left, right), value
