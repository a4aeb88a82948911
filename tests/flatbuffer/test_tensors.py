"""Tensors at the limits of their sizes, and packed ones."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.flatbuffer import inspect_model, read_model
from edgepack.flatbuffer.weights import statistics
from edgepack.ground.errors import ModelError
from tests.flatbuffer.build import G, O, T, build


def beside_a_relu(tensor: T) -> bytes:
    return build(G([T("x", (4,)), T("y", (4,)), tensor], [O("RELU", (0,), (1,))], (0,), (1,)))


@pytest.mark.parametrize(("dtype", "size"), [("INT8", 1), ("INT16", 2), ("FLOAT32", 4), ("INT64", 8), ("BOOL", 1), ("INT4", 1)])
def test_two_gibibytes_are_counted_in_the_types_bytes(dtype: str, size: int) -> None:
    most = (2**31 - 1) // size
    read_model(beside_a_relu(T("t", (most,), dtype)))
    with pytest.raises(ModelError, match="larger than 2 GiB"):
        read_model(beside_a_relu(T("t", (most + 1,), dtype) if most < 2**31 - 1 else T("t", (2**30, 2), dtype)))


def test_tensors_of_one_packed_buffer_share_its_values() -> None:
    tensors = [T(name, (3,), "INT4", raw=b"\x21\x0f", scales=[0.1]) for name in ("a", "b")]
    tensors[1] = T("b", (3,), "INT4", buffer=1, scales=[0.1])
    graph = G([*tensors, T("x", (3,)), T("y", (3,))], [O("ADD", (2, 0), (3,))], (2,), (3,))
    first, second = (read.data for read in read_model(build(graph)).subgraphs[0].tensors[:2])
    assert first is not None and second is not None
    assert first.tolist() == second.tolist() == [1, 2, -1] and np.shares_memory(first, second)


def test_a_layer_without_weights_counts_none() -> None:
    layer = inspect_model(read_model(beside_a_relu(T("t", (4,))))).layers[0]
    assert layer.weights == statistics([])
    assert (layer.weights.elements, layer.weights.zeros, layer.weights.distinct, layer.weights.distinct_per_channel) == (0,) * 4
