"""Let operators read one constant where they read equal ones, so that the kernels can tell which weights several layers share."""

from __future__ import annotations

from dataclasses import replace

from edgepack.compile.graph import Graph


def share_constants(graph: Graph) -> Graph:
    """Replace each constant that operators read by the first one equal to it, quantization included."""
    first: dict[tuple[object, ...], int] = {}
    same: dict[int, int] = {}
    for value in graph.values.values():
        if value.data is not None:
            key = (value.dtype, value.shape, value.scales, value.zero_points, value.axis, value.data.tobytes())
            same[value.id] = first.setdefault(key, value.id)
    return graph.with_nodes(replace(node, inputs=tuple(same.get(value, value) for value in node.inputs)) for node in graph.nodes)
