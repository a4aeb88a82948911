"""Let a convolution pad by itself: PAD over height and width, followed by a VALID convolution, becomes explicit padding.

Exact because both fill with the input's zero point, and kernels read the zero point outside the input. Saves the padded
copy: its memory and its time.
"""

from __future__ import annotations

from dataclasses import replace

from edgepack.compile.graph import Graph, Node
from edgepack.compile.operators.table import OPERATORS


def fuse_pad(graph: Graph) -> Graph:
    """Fuse each PAD that only a convolution reads."""
    for pad in graph.nodes:
        margins = _margins(graph, pad)
        if margins is None:
            continue
        readers = graph.consumers(pad.outputs[0])
        if len(readers) != 1 or pad.outputs[0] in graph.outputs:
            continue
        convolution = readers[0]
        operator = OPERATORS.get(convolution.op)
        if operator is None or not operator.explicit_padding or convolution.options.get("padding") != "VALID":
            continue
        if convolution.inputs.count(pad.outputs[0]) != 1 or convolution.inputs[0] != pad.outputs[0]:
            continue
        fused = replace(
            convolution,
            inputs=(pad.inputs[0], *convolution.inputs[1:]),
            options={**convolution.options, "padding": "EXPLICIT", "explicit_padding": margins},
        )
        graph = graph.with_nodes(fused if node is convolution else node for node in graph.nodes if node is not pad)
    return graph


def _margins(graph: Graph, node: Node) -> tuple[int, int, int, int] | None:
    """(top, bottom, left, right) of a PAD that fills height and width with the input's zero point; None for any other."""
    if node.op not in ("PAD", "PADV2") or len(node.inputs) < 2 or min(node.inputs) < 0 or len(node.outputs) != 1:
        return None
    source, paddings, output = (graph.values[i] for i in (*node.inputs[:2], node.outputs[0]))
    if source.dtype != "int8" or paddings.data is None or paddings.data.shape != (4, 2) or len(source.shape) != 4:
        return None
    if source.scales != output.scales or source.zero_points != output.zero_points:
        return None
    if node.op == "PADV2":
        fill = graph.values[node.inputs[2]].data if len(node.inputs) > 2 else None
        if fill is None or fill.size != 1 or int(fill.reshape(-1)[0]) != source.zero_point:
            return None
    amounts = [[int(n) for n in row] for row in paddings.data]
    if amounts[0] != [0, 0] or amounts[3] != [0, 0] or min(amounts[1] + amounts[2]) < 0:
        return None
    (top, bottom), (left, right) = amounts[1], amounts[2]
    if output.shape != (source.shape[0], source.shape[1] + top + bottom, source.shape[2] + left + right, source.shape[3]):
        return None
    return top, bottom, left, right
