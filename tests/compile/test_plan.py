"""The memory plan never lets two live buffers touch, but where a kernel allowed it, and reports an honest lower bound."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from edgepack.compile.call import Call, Overlap
from edgepack.compile.graph import Graph, State, Value
from edgepack.compile.plan import Plan, make_plan


def chain(
    sizes: list[int], overlaps: dict[int, int] | None = None, scratch: dict[int, int] | None = None
) -> tuple[Graph, list[Call]]:
    """Values 0, 1, ... of these sizes, each computed from the one before; `overlaps` gives the distance of a call."""
    values = {i: Value(i, f"v{i}", (size,), "int8") for i, size in enumerate(sizes)}
    calls = []
    for i in range(len(sizes) - 1):
        allowed = (Overlap(i, i + 1, overlaps[i]),) if overlaps and i in overlaps else ()
        calls.append(Call("k", "k.h", {}, (i,), (i + 1,), (scratch or {}).get(i), allowed))
    return Graph(values, (), (0,), (len(sizes) - 1,)), calls


def place(plan: Plan, graph: Graph, value: int) -> tuple[int, int]:
    start = plan.offsets[value]
    return start, start + graph.values[value].bytes


def test_a_chain_needs_its_two_largest_neighbours() -> None:
    graph, calls = chain([8, 100, 200, 40, 8])
    plan = make_plan(graph, calls)
    assert plan.lower_bound == 300
    assert plan.arena_size == 304


def test_an_element_wise_call_works_in_place() -> None:
    graph, calls = chain([8, 100, 100, 8], overlaps={1: 0})
    plan = make_plan(graph, calls)
    assert plan.offsets[1] == plan.offsets[2]
    assert plan.arena_size == 112


def test_an_output_may_chase_its_input_at_a_distance() -> None:
    graph, calls = chain([8, 100, 60, 8], overlaps={1: 12})
    plan = make_plan(graph, calls)
    assert plan.offsets[1] - plan.offsets[2] >= 12
    assert plan.lower_bound == 112


def test_a_value_read_again_later_is_not_overwritten() -> None:
    graph, calls = chain([8, 100, 100, 8], overlaps={1: 0})
    calls.append(Call("k", "k.h", {}, (1,), (3,)))
    plan = make_plan(graph, calls)
    first, second = place(plan, graph, 1), place(plan, graph, 2)
    assert first[1] <= second[0] or second[1] <= first[0]


def test_scratch_lies_apart_from_what_its_call_uses() -> None:
    graph, calls = chain([8, 64, 64, 8], scratch={1: 32})
    plan = make_plan(graph, calls)
    start = plan.scratch[1]
    for value in (1, 2):
        low, high = place(plan, graph, value)
        assert start + 32 <= low or start >= high
    assert start % 8 == 0


def test_state_comes_first_and_stays() -> None:
    graph, calls = chain([8, 64, 64, 8])
    values = {**graph.values, 9: Value(9, "state", (10,), "int8")}
    plan = make_plan(Graph(values, (), (0,), (3,), (State(9, bytes(10)),)), calls)
    assert plan.state == {9: 0}
    assert plan.state_size == 16
    assert min(plan.offsets.values()) >= 16


@pytest.mark.parametrize("seed", range(30))
def test_random_graphs_have_no_collision(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(4, 25))
    values = {i: Value(i, f"v{i}", (int(rng.integers(1, 500)),), "int8") for i in range(count)}
    calls = []
    for i in range(1, count):
        reads = tuple(dict.fromkeys(int(rng.integers(max(0, i - 6), i)) for _ in range(int(rng.integers(1, 4)))))
        allowed = tuple(Overlap(j, i, int(rng.integers(0, 40))) for j in reads if rng.random() < 0.5)
        calls.append(Call("k", "k.h", {}, reads, (i,), None, allowed))
    graph = Graph(values, (), (0,), (count - 1,))
    plan = make_plan(graph, calls)
    last = {i: max((c for c, call in enumerate(calls) if i in call.inputs), default=i - 1) for i in range(1, count - 1)}
    assert plan.lower_bound <= plan.arena_size
    for a, b in itertools.combinations(last, 2):
        if b - 1 > last[a]:
            continue  # b is written by call b - 1, after a's last reader
        (low_a, high_a), (low_b, high_b) = place(plan, graph, a), place(plan, graph, b)
        if high_a <= low_b or high_b <= low_a:
            continue
        distances = [o.distance for o in calls[b - 1].overlaps if o.input == a]
        assert distances and last[a] == b - 1 and low_a - low_b >= max(distances), (a, b)
