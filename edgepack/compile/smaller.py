"""Less memory for some more instructions: at the call that needs most, bands of rows or another kernel."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from edgepack.compile.bands import Parts, bandable, banded
from edgepack.compile.graph import Graph
from edgepack.compile.lowered import Lowered, lowered
from edgepack.compile.operators.choice import choices
from edgepack.compile.plan import live_of, make_plan, peak_of
from edgepack.cores import Cpu

COSTS = {"speed": 0.01, "balanced": 0.03, "size": 0.10}  # of all instructions, that a smaller arena may add
LEAST_SAVED, LEAST_BYTES = 0.03, 256  # of the arena; each band has code and constants of its own
LAYERS = 4  # in one band at most
HEIGHTS = (1, 2, 3, 4, 6, 8, 12, 16)  # rows of a band
MOST_BANDS = 48
ROOMS = (None, 1024, 256, 64)  # bytes that a band's kernels may take for scratch


def smaller(graph: Graph, whole: tuple[Lowered, ...], cpu: Cpu, most_cost: float) -> tuple[Lowered, ...]:
    """The calls with less memory at once; as they were if the arena does not sink.

    `most_cost` is the part of all instructions that may be added.
    """
    limit = (1 + most_cost) * sum(one.cost for one in whole)
    parts, best = Parts(cpu), whole
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
    if best is whole:
        return whole
    before, after = (make_plan(graph, [one.call for one in each]).arena_size for each in (whole, best))
    return best if after <= min((1 - LEAST_SAVED) * before, before - LEAST_BYTES) else whole


def within(graph: Graph, calls: tuple[Lowered, ...], cpu: Cpu, most: int) -> tuple[Lowered, ...]:
    """The calls with changes until none needs more than `most` bytes at once, or no change helps, whatever that costs."""
    parts, best = Parts(cpu), calls
    excess, peak = _excess(graph, best, most)
    while excess:
        cost = sum(one.cost for one in best)
        tried = []
        for candidate in _candidates(graph, best, peak, parts, ROOMS):
            left, place = _excess(graph, candidate, most)
            if left < excess:
                added = max(sum(one.cost for one in candidate) - cost, 1.0)
                tried.append(((excess - left) / added, left, place, candidate))
        if not tried:
            break
        _, excess, peak, best = max(tried, key=lambda found: found[0])
    return best


def faster(graph: Graph, calls: tuple[Lowered, ...], cpu: Cpu) -> tuple[Lowered, ...]:
    """The calls, made for another core, with this one's kernels wherever the arena stays as it is."""
    parts, best = Parts(cpu), calls
    most = make_plan(graph, [one.call for one in best]).arena_size
    for one in sorted(calls, key=lambda each: -each.cost):
        index = best.index(one)
        for other in sorted(_remade(graph, one, cpu, parts), key=lambda each: each.cost):
            candidate = (*best[:index], other, *best[index + 1 :])
            needed = [each.call for each in candidate]
            if other.cost < one.cost and peak_of(graph, needed)[0] <= most and make_plan(graph, needed).arena_size <= most:
                best = candidate
                break
    return best


def _remade(graph: Graph, one: Lowered, cpu: Cpu, parts: Parts) -> Iterator[Lowered]:
    """The same operator, or the same operators in bands, by every kernel of a core."""
    if one.call.rounds:
        for height in HEIGHTS:
            if height < one.problems[-1].out_shape[1] <= MOST_BANDS * height:
                for room in ROOMS:
                    yield Lowered(one.nodes, *banded(one.problems, height, parts, room), one.problems, band=(height, room))
    elif one.problems:
        usable = choices(one.nodes[0], graph, cpu)
        for choice in usable:
            yield from lowered(one.nodes[0], choice, usable)


def _excess(graph: Graph, calls: Sequence[Lowered], most: int) -> tuple[int, int]:
    """By how many bytes calls need more than `most` in all, and which of them needs most."""
    live = live_of(graph, [one.call for one in calls])
    return sum(max(each - most, 0) for each in live), live.index(max(live))


def _candidates(
    graph: Graph, calls: Sequence[Lowered], peak: int, parts: Parts, rooms: Sequence[int | None] = (None,)
) -> Iterator[tuple[Lowered, ...]]:
    """The calls with one change around the peak."""
    yield from _in_bands(graph, calls, peak, parts, rooms)
    yield from _by_other_kernels(calls, peak)


def _by_other_kernels(calls: Sequence[Lowered], peak: int) -> Iterator[tuple[Lowered, ...]]:
    """The calls with another kernel at the peak."""
    one = calls[peak]
    if len(one.problems) == 1 and not one.call.rounds:
        for other in one.others:
            yield (*calls[:peak], *lowered(one.node, other, one.others), *calls[peak + 1 :])


def _in_bands(
    graph: Graph, calls: Sequence[Lowered], peak: int, parts: Parts, rooms: Sequence[int | None]
) -> Iterator[tuple[Lowered, ...]]:
    """The calls with one chain around the peak in bands, in every way."""
    for first in range(max(peak - LAYERS + 1, 0), peak + 1):
        for end in range(max(first + 2, peak + 1), min(first + LAYERS, len(calls)) + 1):
            chain = calls[first:end]
            if not _chained(graph, chain):
                continue
            problems = [problem for one in chain for problem in one.problems]
            nodes = tuple(node for one in chain for node in one.nodes)
            for height, room in itertools.product(HEIGHTS, rooms):
                if height < problems[-1].out_shape[1] <= MOST_BANDS * height:
                    call, cost = banded(problems, height, parts, room)
                    made = Lowered(nodes, call, cost, tuple(problems), band=(height, room))
                    yield (*calls[:first], made, *calls[end:])


def _chained(graph: Graph, chain: Sequence[Lowered]) -> bool:
    """Whether each layer is a convolution or pooling that alone reads what the one before writes."""
    problems = [problem for one in chain for problem in one.problems]
    if not all(one.problems for one in chain) or any(not bandable(problem) for problem in problems):
        return False
    between = {problem.output for problem in problems[:-1]}
    if between & {graph.root(value) for value in graph.outputs} or between & set(graph.aliases.values()):
        return False
    return all(
        following.input == problem.output and len(graph.consumers(problem.output)) == 1
        for problem, following in itertools.pairwise(problems)
    )
