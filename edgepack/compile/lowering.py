"""From operators to calls of kernels: each operator's cheapest kernel, then bands of rows where these save memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgepack.compile.bands import Parts, bandable, banded
from edgepack.compile.call import Call
from edgepack.compile.graph import Graph, Node
from edgepack.compile.operators.choice import choices
from edgepack.compile.plan import make_plan, peak_of
from edgepack.cores import Cpu

MOST_COST = {"speed": 0.01, "balanced": 0.03, "size": 0.10}  # of all instructions, that bands may add
LEAST_SAVED = 0.04  # of the arena
LAYERS = 4  # in one band at most
HEIGHTS = (1, 2, 3, 4, 6, 8, 12, 16)  # rows of a band
MOST_BANDS = 48


@dataclass(frozen=True, eq=False)
class Lowered:
    """A call, the operators it computes, their checked problems, its expected instructions, and the kernels not taken."""

    nodes: tuple[Node, ...]
    call: Call
    cost: float
    problems: tuple[Any, ...]
    alternatives: tuple[str, ...] = ()

    @property
    def node(self) -> Node:
        """The operator; of several the last, under all their names."""
        names = "+".join(dict.fromkeys(node.op for node in self.nodes))
        return replace(self.nodes[-1], op=names)


def lower(graph: Graph, cpu: Cpu, optimize: str, rank: int = 0) -> tuple[Lowered, ...]:
    """The calls of a graph; `rank` 1 takes each operator's second cheapest kernel, and so on, without bands.

    Raises CompileError EP-703 to EP-705 naming what cannot be compiled.
    """
    found = []
    for node in graph.nodes:
        usable = choices(node, graph, cpu)
        choice = usable[min(rank, len(usable) - 1)]
        others = tuple(other.kernel.name for other in usable if other is not choice)
        calls = choice.calls()
        problems = (choice.problem,) if len(calls) == 1 else ()
        found += [Lowered((node,), call, choice.cost / len(calls), problems, others) for call in calls]
    return tuple(found) if rank else _with_bands(graph, tuple(found), cpu, optimize)


def _with_bands(graph: Graph, lowered: tuple[Lowered, ...], cpu: Cpu, optimize: str) -> tuple[Lowered, ...]:
    """Replace chains of convolutions and poolings at the peak by bands while the lower bound sinks; as before if the arena does not."""
    limit = (1 + MOST_COST[optimize]) * sum(one.cost for one in lowered)
    parts, best = Parts(cpu), lowered
    bound, peak = peak_of(graph, [one.call for one in best])
    while True:
        tried = []
        for candidate in _candidates(graph, best, peak, parts):
            cost = sum(one.cost for one in candidate)
            if cost <= limit:
                tried.append((*peak_of(graph, [one.call for one in candidate]), cost, candidate))
        if not tried:
            break
        # The lowest peak; of those within a hundredth of it, the fewest instructions.
        least = min(found[0] for found in tried)
        new_bound, new_peak, _, candidate = min((t for t in tried if t[0] <= 1.01 * least), key=lambda t: t[2])
        if new_bound >= 0.98 * bound:
            break
        best, bound, peak = candidate, new_bound, new_peak
    if best is lowered:
        return lowered
    before, after = (make_plan(graph, [one.call for one in each]).arena_size for each in (lowered, best))
    return best if after <= (1 - LEAST_SAVED) * before else lowered


def _candidates(graph: Graph, lowered: Sequence[Lowered], peak: int, parts: Parts) -> Iterator[tuple[Lowered, ...]]:
    """The calls with one chain around the peak in bands, in every way."""
    for first in range(max(peak - LAYERS + 1, 0), peak + 1):
        for end in range(max(first + 2, peak + 1), min(first + LAYERS, len(lowered)) + 1):
            chain = lowered[first:end]
            if not _chained(graph, chain):
                continue
            convs = [problem for one in chain for problem in one.problems]
            for height in HEIGHTS:
                out_h = convs[-1].out_shape[1]
                if height < out_h <= MOST_BANDS * height:
                    call, cost = banded(convs, height, parts)
                    nodes = tuple(node for one in chain for node in one.nodes)
                    yield (*lowered[:first], Lowered(nodes, call, cost, tuple(convs)), *lowered[end:])


def _chained(graph: Graph, chain: Sequence[Lowered]) -> bool:
    """Whether each layer is a convolution or pooling that alone reads what the one before writes."""
    problems = [problem for one in chain for problem in one.problems]
    if len(problems) < len(chain) or any(not bandable(problem) for problem in problems):
        return False
    between = {problem.output for problem in problems[:-1]}
    if between & {graph.root(value) for value in graph.outputs} or between & set(graph.aliases.values()):
        return False
    return all(
        following.input == problem.output and len(graph.consumers(problem.output)) == 1
        for problem, following in itertools.pairwise(problems)
    )
