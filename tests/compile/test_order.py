"""Branched graphs run in the order that needs least memory at once, and compute the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from edgepack.compile import compile_model, compiler, order
from edgepack.compile.graph import Graph, Node, Value
from edgepack.flatbuffer import read_model
from tests.compile.builder import ModelBuilder
from tests.compile.harness import Case, mismatches


def random_graph(seed: int, count: int = 7) -> Graph:
    """Operators that each read one or two earlier values, of random sizes."""
    rng = np.random.default_rng(seed)
    values = {i: Value(i, f"v{i}", (int(rng.integers(1, 500)),), "int8") for i in range(count + 1)}
    nodes = []
    for i in range(1, count + 1):
        reads = tuple(dict.fromkeys(int(rng.integers(0, i)) for _ in range(int(rng.integers(1, 3)))))
        nodes.append(Node(i, "ADD", reads, (i,)))
    return Graph(values, tuple(nodes), (0,), (count,))


def live_bytes(graph: Graph, nodes: tuple[Node, ...], scratch: dict[tuple[int, ...], int]) -> int:
    """The peak of a value's bytes between its writer and its last reader, and of an operator's scratch; the input and the output
    are not counted."""
    place = {node.outputs[0]: at for at, node in enumerate(nodes)}
    last = {value: max([at, *(i for i, node in enumerate(nodes) if value in node.inputs)]) for value, at in place.items()}
    counted = [value for value in place if value not in graph.outputs]
    return max(
        sum(graph.values[v].bytes for v in counted if place[v] <= at <= last[v]) + scratch.get(node.outputs, 0)
        for at, node in enumerate(nodes)
    )


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("most", [0, 900])
def test_no_order_of_a_small_graph_needs_less(seed: int, most: int) -> None:
    graph = random_graph(seed)
    rng = np.random.default_rng(seed)
    scratch = {node.outputs: int(rng.integers(0, most)) for node in graph.nodes if most and rng.random() < 0.5}
    found = order.reordered(graph, scratch)
    nodes = (found or graph).nodes
    possible = []
    for permutation in itertools.permutations(graph.nodes):
        written = {0}
        for node in permutation:
            if not set(node.inputs) <= written:
                break
            written |= set(node.outputs)
        else:
            possible.append(permutation)
    assert nodes in possible
    assert live_bytes(graph, nodes, scratch) == min(live_bytes(graph, each, scratch) for each in possible)
    assert found is None or live_bytes(graph, nodes, scratch) < live_bytes(graph, graph.nodes, scratch)


@pytest.mark.parametrize("seed", range(20))
def test_the_greedy_order_is_an_order(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "SETS", 0)
    graph = random_graph(seed, 20)
    found = order.reordered(graph)
    written = {0}
    for node in (found or graph).nodes:
        assert set(node.inputs) <= written
        written |= set(node.outputs)
    assert written == set(graph.values)


def branches(rng: np.random.Generator) -> bytes:
    """Branches that first widen and then shrink one value, written level by level: the order that needs most memory."""
    b = ModelBuilder()
    scale, zero = 0.05, int(rng.integers(-128, 128))
    x = b.tensor((1, 8, 8, 4), scale=scale, zero_point=zero)
    copies = [int(count) for count in rng.integers(2, 6, int(rng.integers(2, 5)))]
    wide = [b.tensor((1, 8, 8, 4 * count), scale=scale, zero_point=zero) for count in copies]
    small = [b.tensor((1, 2, 2, 4 * count), scale=scale, zero_point=zero) for count in copies]
    y = b.tensor((1, 2, 2, 4 * sum(copies)), scale=scale, zero_point=zero)
    for count, value in zip(copies, wide, strict=True):
        b.operator("CONCATENATION", [x] * count, [value], "ConcatenationOptions", axis=3)
    for value, result in zip(wide, small, strict=True):
        window = {"strideH": 4, "strideW": 4, "filterHeight": 4, "filterWidth": 4}
        b.operator("MAX_POOL_2D", [value], [result], "Pool2DOptions", version=2, padding="VALID", **window)
    b.operator("CONCATENATION", small, [y], "ConcatenationOptions", axis=3)
    return b.finish([x], [y])


def test_reordered_networks_equal_the_reference_in_less_memory() -> None:
    models = [branches(np.random.default_rng(seed)) for seed in range(8)]
    for model in models:
        as_written, better = (compile_model(read_model(model), "net", "cortex-m4", rank=rank) for rank in (9, 0))
        assert better.arena_size < as_written.arena_size
    assert mismatches([Case(f"seed {seed}", model) for seed, model in enumerate(models)], "cortex-m4") == []


def beside_decoding(branch: str, wide_first: bool, extra: int) -> bytes:
    """A branch that widens and shrinks its input, and one whose many weights are decoded; written in either order."""
    b = ModelBuilder()
    rng = np.random.default_rng(extra)
    x = b.tensor((1, 8, 8, 16), scale=0.05)
    wide = b.tensor((1, 8, 8, 16 * extra), scale=0.05)
    pooled = b.tensor((1, 1, 1, 16 * extra), scale=0.05)
    result = b.tensor((1, 1, 1, 16), scale=0.05)
    y = b.tensor((1, 1, 1, 16 * (extra + 1)), scale=0.05)
    weights = b.constant(rng.choice(np.array([-90, 0, 77], np.int8), (16, 8, 8, 16)), "int8", scale=0.001)
    bias = b.constant(np.zeros(16, np.int32), "int32", scale=0.00005)

    def widen() -> None:
        b.operator("CONCATENATION", [x] * extra, [wide], "ConcatenationOptions", axis=3)

    def shrink() -> None:
        window = {"strideH": 8, "strideW": 8, "filterHeight": 8, "filterWidth": 8}
        b.operator(branch, [wide], [pooled], "Pool2DOptions", version=2, padding="VALID", **window)

    def decode() -> None:
        b.operator("CONV_2D", [x, weights, bias], [result], "Conv2DOptions", version=3, padding="VALID", strideH=1, strideW=1)

    for step in (widen, decode, shrink) if wide_first else (decode, widen, shrink):
        step()
    b.operator("CONCATENATION", [pooled, result], [y], "ConcatenationOptions", axis=3)
    return b.finish([x], [y])


@pytest.mark.parametrize(("coding", "optimize"), [("smallest", "balanced"), ("auto", "size")])
@pytest.mark.parametrize("cpu", ["generic", "cortex-m0plus", "cortex-m4"])
@pytest.mark.parametrize(("branch", "extra"), [("MAX_POOL_2D", 4), ("AVERAGE_POOL_2D", 7)])
def test_weights_are_decoded_when_least_else_is_in_memory(
    branch: str, extra: int, cpu: str, coding: str, optimize: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide_first, decoded_first = (read_model(beside_decoding(branch, each, extra)) for each in (True, False))
    found, same = (compile_model(model, "net", cpu, optimize, coding=coding) for model in (wide_first, decoded_first))
    assert any(layer.coded for layer in found.layers) and found.arena_size == same.arena_size
    monkeypatch.setattr(compiler, "reordered", lambda graph, scratch=None: None)
    assert found.arena_size < compile_model(wide_first, "net", cpu, optimize, coding=coding).arena_size


def test_networks_reordered_for_decoding_equal_the_reference() -> None:
    for cpu in ("cortex-m0plus", "cortex-m4"):
        cases = [Case(f"{cpu} {extra}", beside_decoding("MAX_POOL_2D", True, extra)) for extra in (3, 4, 6)]
        assert mismatches(cases, cpu, coding="smallest") == []
