"""Where in the user's model an operator is, for messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from edgepack.compile.graph import Graph, Node, Value
from edgepack.flatbuffer import known_layer
from edgepack.flatbuffer.tensors import shorten


def place(graph: Graph, node: Node, value: Value | None = None) -> str:
    """The Keras layer of an operator, and a tensor: `value`, else its first output.

    Converted SavedModels name tensors after calls (StatefulPartitionedCall:0). Where neither these nor constants tell the
    layer, it is the operator's number in the file, and the nearest layer before it or else behind it.
    """
    named = value or (graph.values[node.outputs[0]] if node.outputs else None)
    tensor = f"tensor '{shorten(named.name.split(';')[0])}'" if named and named.name else ""
    own = _layer(graph, node, value)
    if own:
        return f"in layer '{shorten(own)}'" + (f" ({tensor})" if tensor else "")
    near = next(
        (
            f", {side} layer '{shorten(found)}'"
            for side, step in (("after", _before), ("before", _behind))
            if (found := _nearest(graph, node, step))
        ),
        "",
    )
    return f"(operator {node.index} of the file{near}{'; ' if tensor else ''}{tensor})"


def _layer(graph: Graph, node: Node, value: Value | None = None) -> str:
    """The layer that an operator's tensors name; empty when none does. What it reads from others names theirs."""
    outputs = [graph.values[index] for index in node.outputs]
    constants = [graph.values[index] for index in node.inputs if index >= 0 and graph.values[index].data is not None]
    made = [value] if value is not None and (value in outputs or value in constants) else []
    names = [known_layer(tensor.name) for tensor in (*made, *outputs)]
    names += [graph.results.get(index, "") for index in node.outputs]
    return next(filter(None, [*names, *(known_layer(tensor.name) for tensor in constants)]), "")


def _nearest(graph: Graph, node: Node, step: Callable[[Graph, Node], Iterator[Node]]) -> str:
    """The layer of the nearest operator in one direction that names one."""
    seen, waiting = {node.index}, [node]
    while waiting:
        reached = [found for one in waiting for found in step(graph, one)]
        waiting = []
        for found in reached:
            if found.index not in seen:
                layer = _layer(graph, found)
                if layer:
                    return layer
                seen.add(found.index)
                waiting.append(found)
    return ""


def _before(graph: Graph, node: Node) -> Iterator[Node]:
    return (one for one in graph.nodes if set(one.outputs) & set(node.inputs))


def _behind(graph: Graph, node: Node) -> Iterator[Node]:
    return (one for one in graph.nodes if set(one.inputs) & set(node.outputs))
