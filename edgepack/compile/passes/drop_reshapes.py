"""Let the result of a reshape share its input's memory, so that nothing is computed or copied.

A value may share memory with at most one place outside the arena (an input, output, constant or state of the model); a
reshape between two such places stays and copies. An output that is also an input, a constant or another output gets a
COPY of its own, so that every output buffer is written.
"""

from __future__ import annotations

from dataclasses import replace

from edgepack.compile.graph import Graph, Node
from edgepack.flatbuffer.traits import traits_of


def drop_reshapes(graph: Graph) -> Graph:
    """Turn reshapes into aliases where memory allows."""
    graph = _own_outputs(graph)
    states = {state.value for state in graph.states}
    outside = set(graph.inputs) | set(graph.outputs) | states
    outside |= {value.id for value in graph.values.values() if value.data is not None}
    members: dict[int, set[int]] = {}
    kept = []
    for node in graph.nodes:
        if not traits_of(node.op).same_bytes or not _same_bytes(graph, node):
            kept.append(node)
            continue
        source, result = graph.root(node.inputs[0]), node.outputs[0]
        group = members.get(source, {source}) | {result}
        if len(group & outside) > 1 or result in states:  # a state may be written again, even from itself
            kept.append(node)
            continue
        members[source] = group
        graph = replace(graph, aliases={**graph.aliases, result: source})
    return graph.with_nodes(kept)


def _same_bytes(graph: Graph, node: Node) -> bool:
    if not node.inputs or node.inputs[0] < 0 or len(node.outputs) != 1:
        return False
    source, result = graph.values[node.inputs[0]], graph.values[node.outputs[0]]
    return source.bytes == result.bytes and source.dtype == result.dtype


def _own_outputs(graph: Graph) -> Graph:
    """Give each output of the model a value of its own, written by an operator."""
    outputs: list[int] = []
    nodes = list(graph.nodes)
    for output in graph.outputs:
        if output in outputs or graph.producer(output) is None:
            copy = replace(graph.values[output], id=graph.new_id(), data=None)
            graph = graph.with_values(copy)
            nodes.append(Node(index=len(nodes), op="COPY", inputs=(output,), outputs=(copy.id,)))
            outputs.append(copy.id)
        else:
            outputs.append(output)
    return replace(graph.with_nodes(nodes), outputs=tuple(outputs))
