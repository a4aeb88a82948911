"""Drop operators whose results nobody reads, unless they keep a state of their own."""

from __future__ import annotations

from edgepack.compile.graph import Graph
from edgepack.compile.operators.table import OPERATORS


def drop_unused(graph: Graph) -> Graph:
    """Keep the operators that an output, or the state, depends on."""
    needed = set(graph.outputs) | {state.value for state in graph.states}
    kept = []
    for node in reversed(graph.nodes):
        operator = OPERATORS.get(node.op)
        if (operator is not None and operator.keeps_state) or needed & set(node.outputs):
            kept.append(node)
            needed |= set(node.inputs)
    return graph.with_nodes(reversed(kept))
