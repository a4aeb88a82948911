"""The memory plan never lets two live buffers touch, but where a kernel allowed it, and reports an honest lower bound."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from edgepack.compile.call import Call, Overlap
from edgepack.compile.graph import Graph, State, Value
from edgepack.compile.operators.shared.chase import Walk, distance
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


def test_an_output_allowed_only_at_its_inputs_place_lies_there_or_apart() -> None:
    for sizes in ([8, 300, 100, 100, 8], [8, 100, 60, 8], [8, 60, 100, 8], [8, 100, 100, 8]):
        graph, calls = chain(sizes)
        index = len(sizes) - 3
        first, second = index, index + 1
        calls[index] = Call("k", "k.h", {}, (first,), (second,), 16, (Overlap(first, second, 0, exactly=True),))
        plan = make_plan(graph, calls)
        (low_a, high_a), (low_b, high_b) = place(plan, graph, first), place(plan, graph, second)
        assert low_a == low_b or high_a <= low_b or high_b <= low_a
    assert plan.offsets[first] == plan.offsets[second]


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


def test_chasing_distances_agree_with_a_byte_by_byte_simulation() -> None:
    rng = np.random.default_rng(0)
    for _ in range(150):
        kernel, stride, dilation = (tuple(int(n) for n in rng.integers(1, top, 2)) for top in (4, 4, 3))
        pads = [int(n) for n in rng.integers(0, 3, 2)]
        in_h, in_w = (int(n) + (k - 1) * d for n, k, d in zip(rng.integers(1, 7, 2), kernel, dilation, strict=True))
        out = [
            (n + 2 * p - (k - 1) * d - 1) // s + 1
            for n, p, k, d, s in zip((in_h, in_w), pads, kernel, dilation, stride, strict=True)
        ]
        step = int(rng.choice([0, 1, 4]))
        sizes = tuple(int(n) for n in rng.integers(1, 5, 2))
        walk = Walk(in_h, in_w, sizes[0], out[0], out[1], sizes[1], stride, pads[0], pads[1], kernel, dilation, step)
        limit = in_h * in_w * sizes[0]
        safe = [below for below in range(-limit, out[0] * out[1] * sizes[1] + 1) if _survives(walk, below)]
        least = next(below for below in safe if set(range(below, safe[-1])) <= set(safe))
        assert distance(walk) == least


def _survives(walk: Walk, below: int) -> bool:
    """Whether no input byte is overwritten before its last read, with the output `below` bytes under the input."""
    written: set[int] = set()
    pixels = walk.out_h * walk.out_w
    step = max(walk.step, 1)
    for first in range(0, pixels, step):
        group = range(first, min(first + step, pixels))
        writes = {p * walk.out_bytes + i - below for p in group for i in range(walk.out_bytes)}
        if walk.step == 0:
            written |= writes  # at worst all of the pixel is written before its window is read for the last time
        for pixel in group:
            if _window(walk, pixel) & written:
                return False
        written |= writes
    return True


def _window(walk: Walk, pixel: int) -> set[int]:
    y, x = divmod(pixel, walk.out_w)
    found = set()
    for ky in range(walk.kernel[0]):
        for kx in range(walk.kernel[1]):
            in_y = y * walk.stride[0] - walk.pad_top + ky * walk.dilation[0]
            in_x = x * walk.stride[1] - walk.pad_left + kx * walk.dilation[1]
            if 0 <= in_y < walk.in_h and 0 <= in_x < walk.in_w:
                start = (in_y * walk.in_w + in_x) * walk.in_bytes
                found |= set(range(start, start + walk.in_bytes))
    return found
