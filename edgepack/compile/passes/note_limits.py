"""Note at each int8 value what its channels can hold, where that is not all of int8: layers have fewer sums to be exact for."""

from __future__ import annotations

from dataclasses import replace

from edgepack.compile.graph import Graph
from edgepack.compile.passes.channel_ranges import channel_ranges


def note_limits(graph: Graph) -> Graph:
    """The graph with limits."""
    ranges, _ = channel_ranges(graph)
    return graph.with_values(
        *(
            replace(graph.values[value], limits=(low, high))
            for value, (low, high) in ranges.items()
            if graph.values[value].data is None and ((low > -128) | (high < 127)).any()
        )
    )
