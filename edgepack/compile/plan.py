"""Where every buffer lies in the arena.

A buffer is live from the call that writes it to the last that reads it. Two buffers live at once must not overlap, except
an input and an output whose kernel says how close they may come (`Overlap`): in place, or the output chasing the input.
Offsets come from the best of several greedy orders; the peak of live bytes is a lower bound, and the search stops there.
"""

from __future__ import annotations

import bisect
import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgepack.compile.call import Call
from edgepack.compile.graph import Graph

ALIGNMENT = 4  # word loads of four int8 at once
SCRATCH_ALIGNMENT = 8  # scratch may hold pointers, on a 64-bit host too
ARENA_ALIGNMENT = 16
TRIES = 300
WORK = 1 << 23  # pairs of buffers to keep apart, in all tries together
MOST_PAIRS = 1 << 22  # beyond, which no network comes near to, every buffer has its place to itself


@dataclass(frozen=True)
class Buffer:
    """Bytes needed from call `first` to call `last`, inclusive. `value` is -1 for scratch."""

    value: int
    size: int
    first: int
    last: int


@dataclass(frozen=True)
class Plan:
    """Offsets into the arena: of values (by root id), of each call's scratch, of state. Sizes in bytes."""

    offsets: Mapping[int, int]
    scratch: Mapping[int, int]
    state: Mapping[int, int]
    state_size: int
    arena_size: int
    lower_bound: int
    peak_call: int


def make_plan(graph: Graph, calls: Sequence[Call]) -> Plan:
    """Place values, scratch and state; state comes first, so that its addresses never move."""
    state: dict[int, int] = {}
    state_size = 0
    for item in graph.states:
        state[item.value] = state_size
        state_size = _aligned(state_size + len(item.initial), SCRATCH_ALIGNMENT)
    buffers = _buffers(graph, calls)
    near = _allowed_overlaps(graph, calls, buffers)
    bound, peak = _peak(_live(buffers, near, len(calls)))
    offsets = _place(buffers, near, bound)
    top = max((offset + buffer.size for offset, buffer in zip(offsets, buffers, strict=True)), default=0)
    return Plan(
        offsets={b.value: state_size + o for b, o in zip(buffers, offsets, strict=True) if b.value >= 0},
        scratch={b.first: state_size + o for b, o in zip(buffers, offsets, strict=True) if b.value < 0},
        state=state,
        state_size=state_size,
        arena_size=-(-(state_size + top) // ARENA_ALIGNMENT) * ARENA_ALIGNMENT,
        lower_bound=state_size + bound,
        peak_call=peak,
    )


def peak_of(graph: Graph, calls: Sequence[Call]) -> tuple[int, int]:
    """The most bytes that any call needs at once, without state, and which call that is."""
    return _peak(live_of(graph, calls))


def live_of(graph: Graph, calls: Sequence[Call]) -> list[int]:
    """The bytes that each call needs at once, without state; no plan takes less than the most of them."""
    buffers = _buffers(graph, calls)
    return _live(buffers, _allowed_overlaps(graph, calls, buffers), len(calls))


def _peak(live: Sequence[int]) -> tuple[int, int]:
    most = max(live, default=0)
    return most, live.index(most) if most else 0


def _aligned(size: int, alignment: int = ALIGNMENT) -> int:
    return -(-size // alignment) * alignment


def outside_arena(graph: Graph) -> set[int]:
    """Roots of values the caller owns, or that are constants or state."""
    outside = set() if graph.inputs_in_arena else {graph.root(value) for value in graph.inputs}
    outside |= {graph.root(value) for value in graph.outputs}
    outside |= {value.id for value in graph.values.values() if value.data is not None}
    outside |= {state.value for state in graph.states}
    # An output that is a reshape of a computed value lends that value its caller-owned memory.
    return outside


def _buffers(graph: Graph, calls: Sequence[Call]) -> list[Buffer]:
    outside = outside_arena(graph)
    held = graph.inputs if graph.inputs_in_arena else ()
    first = dict.fromkeys(held, 0)
    last = dict.fromkeys(held, 0)
    size = {value: graph.values[value].bytes for value in held}
    for index, call in enumerate(calls):
        for value in (*call.outputs, *call.inputs):
            root = graph.root(value)
            if root in outside:
                continue
            first.setdefault(root, index)
            last[root] = index
            size[root] = max(size.get(root, 0), graph.values[value].bytes)
    buffers = [Buffer(value, _aligned(size[value]), first[value], last[value]) for value in first]
    buffers += [Buffer(-1, _aligned(call.scratch), i, i) for i, call in enumerate(calls) if call.scratch]
    return buffers


@dataclass(frozen=True)
class Near:
    """How many bytes below the input the output must at least start, or exactly."""

    distance: int
    exactly: bool


def _allowed_overlaps(graph: Graph, calls: Sequence[Call], buffers: Sequence[Buffer]) -> dict[tuple[int, int], Near]:
    """For pairs of buffers (input, output): how close they may come."""
    index_of = {buffer.value: i for i, buffer in enumerate(buffers) if buffer.value >= 0}
    near: dict[tuple[int, int], Near] = {}
    for index, call in enumerate(calls):
        for overlap in call.overlaps:
            source, output = index_of.get(graph.root(overlap.input)), index_of.get(graph.root(overlap.output))
            if source is None or output is None or source == output:
                continue
            if buffers[source].last == index and buffers[output].first == index:
                asked = Near(overlap.distance, overlap.exactly)
                other = near.get((source, output), asked)
                near[source, output] = Near(max(other.distance, asked.distance), other.exactly or asked.exactly)
    return near


def _forbidden(a: int, b: int, buffers: Sequence[Buffer], near: Mapping[tuple[int, int], Near]) -> list[tuple[int, int]]:
    """Intervals of the offset of b relative to a, exclusive at both ends, that would destroy data."""
    below, above = -buffers[b].size, buffers[a].size
    if (a, b) in near:
        place = -near[a, b].distance
        return [(max(below, place), above)] + [(below, place)] * near[a, b].exactly
    if (b, a) in near:
        place = near[b, a].distance
        return [(below, min(above, place))] + [(place, above)] * near[b, a].exactly
    return [(below, above)]


def _place(buffers: Sequence[Buffer], near: Mapping[tuple[int, int], Near], bound: int) -> list[int]:
    """The best offsets found: greedy by size, by lifetime and by time, then seeded shuffles of the best order so far.

    Fewer tries, or none, where so many buffers live at once that they would take minutes.
    """
    count = len(buffers)
    pairs = _pairs(buffers)
    if pairs > MOST_PAIRS:
        ends = itertools.accumulate(_aligned(buffer.size, SCRATCH_ALIGNMENT) for buffer in buffers)
        return [end - _aligned(buffer.size, SCRATCH_ALIGNMENT) for end, buffer in zip(ends, buffers, strict=True)]
    together = [
        [j for j in range(count) if j != i and buffers[j].first <= buffers[i].last and buffers[i].first <= buffers[j].last]
        for i in range(count)
    ]
    orders = [
        sorted(range(count), key=lambda i: (-buffers[i].size, buffers[i].first)),
        sorted(range(count), key=lambda i: (-(buffers[i].last - buffers[i].first), -buffers[i].size)),
        sorted(range(count), key=lambda i: (buffers[i].first, -buffers[i].size)),
        sorted(range(count), key=lambda i: (-buffers[i].last, -buffers[i].size)),
        sorted(range(count), key=lambda i: (-buffers[i].first, -buffers[i].last)),
        sorted(range(count), key=lambda i: (buffers[i].value < 0, -buffers[i].first)),
        sorted(range(count), key=lambda i: (buffers[i].value < 0, buffers[i].first)),
    ]
    best: list[int] | None = None
    best_top, best_order = 0, orders[0]
    shuffle = random.Random(0)
    for attempt in range(min(len(orders) + TRIES, 1 + WORK // (pairs + 1))):
        if attempt < len(orders):
            order = orders[attempt]
        else:
            order = list(best_order)
            for _ in range(shuffle.randint(1, 3)):
                i, j = shuffle.randrange(count), shuffle.randrange(count)
                order[i], order[j] = order[j], order[i]
        offsets = _greedy(order, buffers, together, near)
        top = max((offsets[i] + buffers[i].size for i in range(count)), default=0)
        if best is None or top < best_top:
            best, best_top, best_order = offsets, top, order
        if best_top <= bound or count < 2:
            break
    assert best is not None
    return best


def _pairs(buffers: Sequence[Buffer]) -> int:
    """How often a buffer lives at the same time as another."""
    firsts, lasts = sorted(buffer.first for buffer in buffers), sorted(buffer.last for buffer in buffers)
    return sum(bisect.bisect_right(firsts, buffer.last) - bisect.bisect_left(lasts, buffer.first) - 1 for buffer in buffers)


def _greedy(
    order: Sequence[int], buffers: Sequence[Buffer], together: Sequence[Sequence[int]], near: Mapping[tuple[int, int], Near]
) -> list[int]:
    """Each buffer in turn at the lowest offset that is free while it lives."""
    offsets = [-1] * len(buffers)
    for b in order:
        blocked = []
        for a in together[b]:
            if offsets[a] >= 0:
                blocked += [(offsets[a] + low, offsets[a] + high) for low, high in _forbidden(a, b, buffers, near) if low < high]
        at, alignment = 0, SCRATCH_ALIGNMENT if buffers[b].value < 0 else ALIGNMENT
        for low, high in sorted(blocked):
            if low < at < high:
                at = _aligned(high, alignment)
        offsets[b] = at
    return offsets


def _live(buffers: Sequence[Buffer], near: Mapping[tuple[int, int], Near], calls: int) -> list[int]:
    """The bytes that each call needs at once; overlapping pairs count once, as closely as allowed."""
    saved: dict[int, list[tuple[int, int]]] = {}  # by output: each input it may overlap, and by how many bytes
    for (source, output), close in near.items():
        both = buffers[source].size + buffers[output].size
        together = max(buffers[output].size, max(close.distance, 0) + buffers[source].size)
        saved.setdefault(output, []).append((source, both - together))
    starting: list[list[int]] = [[] for _ in range(calls)]
    for index, buffer in enumerate(buffers):
        starting[buffer.first].append(index)
    totals = []
    live: set[int] = set()
    for call in range(calls):
        live = {i for i in live if buffers[i].last >= call} | set(starting[call])
        total = sum(buffers[i].size for i in live)
        for output in live & saved.keys():
            total -= max((size for source, size in saved[output] if source in live), default=0)
        totals.append(total)
    return totals
