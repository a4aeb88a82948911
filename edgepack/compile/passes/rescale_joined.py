"""Give a CONCATENATION of what was uint8 operands of its own scale: there, and only there, TFLite rescales them as it joins."""

from __future__ import annotations

from dataclasses import replace

from edgepack.compile.graph import Graph, Node
from edgepack.compile.operators.kernel import FROM_UINT8
from edgepack.compile.operators.quantize.rescale import JOINS


def rescale_joined(graph: Graph) -> Graph:
    """Put a QUANTIZE before each operand whose scale or zero point is not the output's."""
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.op == "CONCATENATION" and node.options.get(FROM_UINT8) and len(node.outputs) == 1:
            output, inputs = graph.values[node.outputs[0]], list(node.inputs)
            for place, index in enumerate(inputs):
                operand = graph.values[index] if index >= 0 else output
                if (operand.scales, operand.zero_points) == (output.scales, output.zero_points) or operand.dtype != "int8":
                    continue
                inputs[place] = graph.new_id()
                scaled = replace(operand, id=inputs[place], data=None, scales=output.scales, zero_points=output.zero_points)
                graph = graph.with_values(scaled)
                nodes.append(Node(node.index, "QUANTIZE", (index,), (scaled.id,), {FROM_UINT8: True, JOINS: True}))
            node = replace(node, inputs=tuple(inputs))
        nodes.append(node)
    return graph.with_nodes(nodes)
