"""What a channel can be, as the compiler derives it, holds for every value that the reference computes in between."""

from __future__ import annotations

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgepack.compile.graph import build_graph
from edgepack.compile.passes.channel_ranges import channel_ranges
from edgepack.flatbuffer import read_model
from tests.compile.builder import ModelBuilder
from tests.compile.harness import inputs_for
from tests.compile.networks import random_network
from tests.compile.reference import run_reference
from tests.compile.test_constant_channels import channels, network


def with_everything_handed_out(model: bytes) -> bytes:
    """The same model with every tensor that an operator computes as an output."""
    tree = schema.ModelT.InitFromPackedBuf(model, 0)
    (graph,) = tree.subgraphs
    graph.outputs = [int(index) for operator in graph.operators for index in operator.outputs]
    packer = flatbuffers.Builder(4096)
    packer.Finish(tree.Pack(packer), b"TFL3")
    return bytes(packer.Output())


def outside(model: bytes, seed: int) -> tuple[list[str], int]:
    """Values that the reference computes outside their range, and how many channels have less than all of int8."""
    whole = with_everything_handed_out(model)
    read = read_model(whole)
    main = read.subgraphs[0]
    graph = build_graph(read)
    ranges, _ = channel_ranges(graph)
    ends = [tuple(np.full(main.tensors[i].shape, value, np.int8) for i in main.inputs) for value in (-128, 0, 127)]
    wrong, narrow = [], 0
    for outputs in run_reference(whole, [*inputs_for(read, 3, seed), *ends]):
        for index, array in zip(main.outputs, outputs, strict=True):
            if index not in ranges or not array.size:
                continue
            low, high = ranges[index]
            rows = array.reshape(-1, low.size)
            narrow += int(((low > -128) | (high < 127)).sum())
            if (rows.min(axis=0) < low).any() or (rows.max(axis=0) > high).any():
                wrong.append(f"seed {seed}: {graph.values[index].name} leaves its range")
    return wrong, narrow


@pytest.mark.parametrize("make", [network, random_network])
def test_no_value_leaves_the_range_of_its_channel(make) -> None:  # type: ignore[no-untyped-def]
    found = [outside(make(seed), seed) for seed in range(60)]
    assert [line for wrong, _ in found for line in wrong] == []
    assert sum(narrow > 0 for _, narrow in found) > 30, "most networks have channels of less than int8"


@pytest.mark.parametrize("name", ["RELU", "RELU6", "LOGISTIC", "TANH", "HARD_SWISH", "LEAKY_RELU"])
def test_a_function_of_every_int8_has_exactly_the_range_it_takes(name: str) -> None:
    b = ModelBuilder()
    x = b.tensor((1, 256, 2), scale=0.03, zero_point=-9)
    fixed = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}.get(name, (0.04, 5))
    y = b.tensor((1, 256, 2), scale=fixed[0], zero_point=fixed[1])
    options = {"alpha": 0.2} if name == "LEAKY_RELU" else {}
    b.operator(name, [x], [y], "LeakyReluOptions" if options else "", version=2 if name != "HARD_SWISH" else 1, **options)
    model = b.finish([x], [y])
    every = np.repeat(np.arange(-128, 128, dtype=np.int8), 2).reshape(1, 256, 2)
    ((taken,),) = run_reference(model, [(every,)])
    ranges, _ = channel_ranges(build_graph(read_model(model)))
    low, high = ranges[y]
    assert low.tolist() == [int(taken.min())] * 2 and high.tolist() == [int(taken.max())] * 2


@pytest.mark.parametrize(("stuck", "kept"), [(3, 8), (4, 4), (5, 4), (7, 4)])
def test_channels_are_kept_in_fours_where_kernels_take_four(stuck: int, kept: int) -> None:
    """Three fewer would cost what they save. (Lines of 15 bytes are not computed in bands.)"""
    b, rng = ModelBuilder(), np.random.default_rng(3)
    x, hidden = b.tensor((1, 5, 5, 3), scale=0.05), b.tensor((1, 5, 5, 8), scale=0.5, zero_point=-128)
    y = b.tensor((1, 5, 5, 4), scale=2.0)
    options = {"padding": "SAME", "strideH": 1, "strideW": 1, "version": 3}
    for source, output, depth, bias in (
        (x, hidden, 3, np.where(np.arange(8) < stuck, -1 << 24, 100)),
        (hidden, y, 8, np.zeros(4)),
    ):
        w = b.constant(rng.integers(-127, 128, (len(bias), 1, 1, depth)), "int8", scale=0.01)
        b.operator("CONV_2D", [source, w, b.constant(bias, "int32", scale=0.0005)], [output], "Conv2DOptions", **options)
    model = b.finish([x], [y])
    assert channels(model, "cortex-m4") == (12, kept + 4)
    assert channels(model, "cortex-m0plus") == (12, 8 - stuck + 4)
