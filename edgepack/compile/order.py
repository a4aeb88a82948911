"""Another order of a branched graph's operators, when it needs less memory at once.

What is live after some operators depends only on which have run, not in which order. So the best order is a path through
the sets of operators that can have run, from none to all, whose largest step is smallest: Dijkstra's algorithm with the
maximum in place of the sum. Graphs with too many such sets are ordered greedily.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from edgepack.compile.graph import Graph
from edgepack.compile.plan import outside_arena

SETS = 20_000  # looked at, at most
STEPS = 1 << 26  # operators looked at in all these sets
GREEDY_STEPS = 1 << 23  # and by the greedy search
MOST_OPERATORS = 1 << 13  # each is compared with every other
NOTHING: Mapping[tuple[int, ...], int] = MappingProxyType({})


def reordered(graph: Graph, scratch: Mapping[tuple[int, ...], int] = NOTHING) -> Graph | None:
    """The graph in an order whose live bytes peak lower, without overlaps; None if there is none, or state fixes the order.

    `scratch`: bytes that an operator, named by its outputs, needs besides while it runs.
    """
    count = len(graph.nodes)
    if graph.states or not 3 <= count <= MOST_OPERATORS:
        return None
    work = _Work(graph, scratch)
    now = work.peak(range(count))
    order = _best(work, count, now) or _greedy(work, count)
    if order is None or work.peak(order) >= now:
        return None
    return graph.with_nodes(graph.nodes[index] for index in order)


class _Work:
    """Operators as bits: what each must wait for, and which values are live when a set of them has run."""

    def __init__(self, graph: Graph, scratch: Mapping[tuple[int, ...], int]) -> None:
        outside = outside_arena(graph)
        self.producer: dict[int, int] = {}
        self.readers: dict[int, int] = {}
        self.size: dict[int, int] = {}
        self.held: dict[int, int] = {}  # inputs in the arena, which are there from the beginning
        reads: list[set[int]] = []
        for index, node in enumerate(graph.nodes):
            for value in node.outputs:
                root = graph.root(value)
                self.producer.setdefault(root, index)
                self.size[root] = 0 if root in outside else max(self.size.get(root, 0), graph.values[value].bytes)
            reads.append({graph.root(value) for value in node.inputs if value >= 0})
        if graph.inputs_in_arena:
            self.held = {value: graph.values[value].bytes for value in graph.inputs}
        self.waits = [0] * len(graph.nodes)
        for index, roots in enumerate(reads):
            for root in roots & set(self.producer):
                self.waits[index] |= 1 << self.producer[root]
            for root in roots & (set(self.producer) | set(self.held)):
                self.readers[root] = self.readers.get(root, 0) | 1 << index
        self.added = [  # by an operator while it runs, of which its outputs stay
            sum(self.size[root] for root in self.producer if self.producer[root] == index) + scratch.get(node.outputs, 0)
            for index, node in enumerate(graph.nodes)
        ]

    def live(self, done: int) -> int:
        """Bytes of values written and still to be read."""
        written = sum(
            self.size[root] for root, index in self.producer.items() if done >> index & 1 and self.readers.get(root, 0) & ~done
        )
        return written + sum(size for root, size in self.held.items() if self.readers.get(root, 0) & ~done)

    def ready(self, done: int) -> list[int]:
        """Operators that can run next."""
        return [index for index, waits in enumerate(self.waits) if not done >> index & 1 and not waits & ~done]

    def peak(self, order: Sequence[int]) -> int:
        """The most bytes at once."""
        done, most = 0, 0
        for index in order:
            most = max(most, self.live(done) + self.added[index])
            done |= 1 << index
        return most


def _best(work: _Work, count: int, limit: int) -> list[int] | None:
    """The order of the lowest peak below `limit`; None if there is none, or too many sets."""
    best: dict[int, int] = {0: 0}
    came: dict[int, int] = {}
    waiting = [(0, 0, 0)]  # peak, operators left (so that ends come early), set
    while waiting:
        peak, _, done = heapq.heappop(waiting)
        if done == (1 << count) - 1:
            order = []
            while done:
                order.append(came[done])
                done &= ~(1 << came[done])
            return order[::-1]
        if peak > best[done]:
            continue
        live = work.live(done)
        for index in work.ready(done):
            after, then = max(peak, live + work.added[index]), done | 1 << index
            if after < min(best.get(then, limit), limit):
                best[then], came[then] = after, index
                heapq.heappush(waiting, (after, count - then.bit_count(), then))
        if len(best) > min(SETS, STEPS // count):
            return None
    return None


def _greedy(work: _Work, count: int) -> list[int] | None:
    """Always the operator after which least is live; None if that takes too many steps."""
    order: list[int] = []
    done = steps = 0
    while len(order) < count:
        ready = work.ready(done)
        steps += len(ready) * count
        if not ready or steps > GREEDY_STEPS:
            return None
        index = min(ready, key=lambda each: (work.live(done | 1 << each), work.added[each], each))
        order.append(index)
        done |= 1 << index
    return order
