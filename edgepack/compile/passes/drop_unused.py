"""Drop operators whose results nobody reads."""

from __future__ import annotations

from edgepack.compile.graph import Graph

SIDE_EFFECTS = {"ASSIGN_VARIABLE", "CALL_ONCE", "SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM"}


def drop_unused(graph: Graph) -> Graph:
    """Keep the operators that an output, or the state, depends on."""
    needed = set(graph.outputs) | {state.value for state in graph.states}
    kept = []
    for node in reversed(graph.nodes):
        if node.op in SIDE_EFFECTS or needed & set(node.outputs):
            kept.append(node)
            needed |= set(node.inputs)
    return graph.with_nodes(reversed(kept))
