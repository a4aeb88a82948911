"""How much memory the tensors that exist at the same time take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgepack.flatbuffer.check import call_order, called_subgraphs
from edgepack.flatbuffer.model import Subgraph


@dataclass(frozen=True)
class PeakMemory:
    """The worst moment of one inference.

    `activation_bytes` is the sum of all tensors live at operator `operator` of subgraph `subgraph`, its inputs and outputs
    included, plus the peak of a subgraph it calls. No arena that holds each tensor in one place can be smaller, unless
    operators write over their inputs; a real arena adds scratch buffers and what does not fit together without gaps.
    `state_bytes` are variables, which persist between inferences and come on top.
    """

    activation_bytes: int
    subgraph: int
    operator: int
    state_bytes: int


def peak_memory(graphs: Sequence[Subgraph]) -> PeakMemory:
    """The peak of the main graph with all it calls; each operator's live bytes are in `live_bytes`."""
    peaks = [0] * len(graphs)
    worst = [0] * len(graphs)
    for number in call_order(graphs):
        live = live_bytes(graphs[number])
        for operator in graphs[number].operators:
            live[operator.index] += max((peaks[target] for target in called_subgraphs(operator)), default=0)
        if live:
            worst[number] = max(range(len(live)), key=live.__getitem__)
            peaks[number] = live[worst[number]]
        else:
            peaks[number] = sum(graphs[number].tensors[index].nbytes for index in set(graphs[number].inputs))
    state = sum(tensor.nbytes for graph in graphs for tensor in graph.tensors if tensor.is_variable)
    return PeakMemory(peaks[0], 0, worst[0], state)


def live_bytes(graph: Subgraph) -> list[int]:
    """For each operator, the bytes of all computed tensors that exist while it runs.

    A tensor lives from the operator that writes it (an input: from the start) to the last that reads it (an output: to the
    end).
    """
    if not graph.operators:
        return []
    first: dict[int, int] = dict.fromkeys(graph.inputs, 0)
    last: dict[int, int] = dict.fromkeys(graph.inputs, 0)
    for position, operator in enumerate(graph.operators):
        for index in operator.outputs:
            first.setdefault(index, position)
            last[index] = position
        for index in operator.inputs:
            if index in first:
                last[index] = position
    last.update(dict.fromkeys((index for index in graph.outputs if index in first), len(graph.operators) - 1))
    change = [0] * (len(graph.operators) + 1)
    for index, start in first.items():
        tensor = graph.tensors[index]
        if not tensor.is_variable:
            change[start] += tensor.nbytes
            change[last[index] + 1] -= tensor.nbytes
    live, total = [], 0
    for delta in change[:-1]:
        total += delta
        live.append(total)
    return live
