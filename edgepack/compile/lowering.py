"""From operators to calls of kernels: each operator's cheapest kernel, then others, or bands of rows, where these save memory,
and others again where those save bytes of constants."""

from __future__ import annotations

from edgepack.compile.graph import Graph
from edgepack.compile.leaner import leaner
from edgepack.compile.lowered import Lowered, lowered
from edgepack.compile.operators.choice import choices
from edgepack.compile.plan import make_plan
from edgepack.compile.smaller import COSTS, faster, smaller, within
from edgepack.cores import Cpu, find_cpu

PORTABLE = "generic"  # the core whose kernels run on every other


def lower(graph: Graph, cpu: Cpu, optimize: str, rank: int = 0) -> tuple[Lowered, ...]:
    """The calls of a graph; `rank` 1 takes each operator's second cheapest kernel, and so on, as whole layers.

    For "size" the arena is never larger than that of the portable kernels, whatever that costs. Constants become smaller where
    that takes few instructions, for "balanced" and "size".

    Raises CompileError EP-703 to EP-705 naming what cannot be compiled.
    """
    found: list[Lowered] = []
    for node in graph.nodes:
        usable = choices(node, graph, cpu)
        found += lowered(node, usable[min(rank, len(usable) - 1)], usable)
    whole = tuple(found)
    if rank:
        return whole
    return leaner(graph, _fitting(graph, smaller(graph, whole, cpu, COSTS[optimize]), cpu, optimize), optimize)


def _fitting(graph: Graph, best: tuple[Lowered, ...], cpu: Cpu, optimize: str) -> tuple[Lowered, ...]:
    """For "size", these calls or others, whose arena is no larger than that of the portable kernels."""
    if optimize != "size" or cpu.name == PORTABLE:
        return best
    portable = lower(graph, find_cpu(PORTABLE), optimize)
    most = arena_size(graph, portable)
    if arena_size(graph, best) <= most:
        return best
    fitting = [faster(graph, portable, cpu), within(graph, best, cpu, most)]
    return min((calls for calls in fitting if arena_size(graph, calls) <= most), key=lambda calls: sum(one.cost for one in calls))


def arena_size(graph: Graph, calls: tuple[Lowered, ...]) -> int:
    """Bytes of the arena that these calls need."""
    return make_plan(graph, [one.call for one in calls]).arena_size
