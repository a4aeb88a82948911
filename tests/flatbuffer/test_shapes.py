"""Shapes that a file leaves open are computed as the operators' own tests and the random networks state them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from edgepack.flatbuffer import Subgraph, read_model
from edgepack.flatbuffer.shapes import resolve_shapes
from edgepack.flatbuffer.traits import TRAITS
from tests.compile.builder import ModelBuilder
from tests.compile.networks import random_network
from tests.compile.test_operators import ALL

KNOWN = {name for name, traits in TRAITS.items() if traits.shape is not None}


def opened(graph: Subgraph) -> Subgraph:
    """The subgraph with 1 and -1 for every dimension that an operator computes, as a converter writes what it does not know."""
    computed = {index for operator in graph.operators for index in operator.outputs}
    return replace(
        graph,
        tensors=tuple(
            replace(tensor, shape=(1,) * len(tensor.shape), shape_signature=(-1,) * len(tensor.shape))
            if tensor.index in computed
            else tensor
            for tensor in graph.tensors
        ),
    )


def wrong_shapes(model: bytes) -> list[str]:
    """What differs from the file, in a graph of which every shape was opened; nothing where an operator has no rule."""
    graph = read_model(model).subgraphs[0]
    if not {operator.name for operator in graph.operators} <= KNOWN:
        return []
    found = resolve_shapes(opened(graph))
    pairs = zip(found.tensors, graph.tensors, strict=True)
    return [f"{tensor.name}: {tensor.shape}, not {stated.shape}" for tensor, stated in pairs if tensor.shape != stated.shape]


@pytest.mark.parametrize("name", sorted(ALL))
def test_an_operators_shape_is_the_one_its_cases_state(name: str) -> None:
    make, _ = ALL[name]
    for seed in range(25):
        assert wrong_shapes(make(np.random.default_rng(seed))) == []


def test_shapes_follow_from_one_another_through_whole_networks() -> None:
    seen: Counter[str] = Counter()
    for seed in range(150):
        model = random_network(seed)
        assert wrong_shapes(model) == [], f"seed {seed}"
        seen.update(operator.name for operator in read_model(model).subgraphs[0].operators)
    assert len(seen) > 25


INPUT = (1, 4, 1, 3)


@pytest.mark.parametrize(
    ("name", "operand", "options", "fields", "expected"),
    [
        *(("EXPAND_DIMS", [axis], "ExpandDimsOptions", {}, np.expand_dims(np.empty(INPUT), axis)) for axis in (0, 2, 4, -1, -5)),
        ("SQUEEZE", None, "SqueezeOptions", {"squeezeDims": []}, np.squeeze(np.empty(INPUT))),
        *(("SQUEEZE", None, "SqueezeOptions", {"squeezeDims": [axis]}, np.squeeze(np.empty(INPUT), axis)) for axis in (0, 2, -2)),
        ("TILE", [1, 2, 5, 3], "TileOptions", {}, np.tile(np.empty(INPUT), (1, 2, 5, 3))),
        ("REDUCE_MAX", [-1], "ReducerOptions", {"keepDims": False}, np.empty((1, 4, 1))),
    ],
)
def test_axes_are_counted_as_numpy_counts(
    name: str, operand: list[int] | None, options: str, fields: dict[str, object], expected: np.ndarray
) -> None:
    b = ModelBuilder()
    x, y = b.tensor(INPUT, scale=0.1), b.tensor(expected.shape, scale=0.1)
    b.operator(name, [x] if operand is None else [x, b.constant(np.array(operand))], [y], options, **fields)
    assert wrong_shapes(b.finish([x], [y])) == []


def test_what_is_not_known_leaves_the_shape_that_the_file_has() -> None:
    """A size that the model computes from its input's values."""
    b = ModelBuilder()
    x, size = b.tensor((1, 6), scale=0.1), b.tensor((2,), "int32")
    y = b.tensor((1, 1), scale=0.1, signature=(-1, -1))
    b.operator("RESHAPE", [x, size], [y], "ReshapeOptions")
    graph = read_model(b.finish([x, size], [y])).subgraphs[0]
    assert graph.tensors[y].shape == (1, 1)
