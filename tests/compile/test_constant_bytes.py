"""What is stored for weights and requantization, against the least: int8 weights, and a 32-bit bias and multiplier a channel."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.cores import CPUS
from edgepack.flatbuffer import Model, read_model
from edgepack.measure.mcu.emulated import bench_mcu
from tests.compile.builder import ModelBuilder
from tests.compile.cases import filter_scales, output_scale
from tests.compile.cases_shared import steps
from tests.compile.harness import Case, mismatches
from tests.compile.test_shared_constants import TOOLS, stored_bytes

CORES = ("cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")
VECTORS = ("cortex-m55", "cortex-m85")
MOST = 1.03
ALIGNED = 32
"""Bytes an array may take more: two vectors, or a byte for each of few channels."""

Layer = tuple[str, int, int]
"""Kind, channels of the output (of a depthwise one: those of its input), and height and width of the window."""

NETWORKS: dict[str, tuple[tuple[int, ...], tuple[Layer, ...]]] = {
    "convolutions": ((1, 12, 12, 16), (("conv", 16, 3), ("conv", 32, 3), ("conv", 64, 3))),
    "pointwise": ((1, 8, 8, 48), (("conv", 64, 1), ("conv", 96, 1), ("conv", 128, 1))),
    "separable": ((1, 8, 8, 32), (("depthwise", 0, 3), ("conv", 64, 1), ("depthwise", 0, 5), ("conv", 128, 1), ("conv", 128, 1))),
    "channels removed": (
        (1, 6, 6, 60),
        (("conv", 120, 1), ("depthwise", 0, 3), ("conv", 120, 1), ("conv", 120, 1), ("conv", 240, 1)),
    ),
    "dense": ((1, 160), (("dense", 96, 1), ("dense", 64, 1), ("dense", 10, 1))),
}
ODD: dict[str, tuple[tuple[int, ...], tuple[Layer, ...]]] = {
    "odd dense": ((1, 203), (("dense", 61, 1), ("dense", 37, 1), ("dense", 11, 1))),
    "odd convolutions": ((1, 9, 7, 27), (("conv", 37, 3), ("depthwise", 0, 3), ("conv", 59, 3), ("conv", 61, 3))),
}
SEPARABLE = tuple(each for width in (32, 32, 64, 64, *[128] * 5, 256) for each in (("depthwise", 0, 3), ("conv", width, 1)))
LINKED: dict[str, tuple[tuple[int, ...], tuple[Layer, ...]]] = {"fast downsampling": ((1, 4, 4, 16), SEPARABLE)}


def network(name: str, zero_point: int, seed: int = 0) -> bytes:
    """The layers one after another, with ReLUs for a zero point of -128."""
    b, rng = ModelBuilder(), np.random.default_rng(seed)
    shape, layers = (NETWORKS | ODD | LINKED)[name]
    first = x = b.tensor(shape, scale=0.02)
    scale = 0.02
    for kind, channels, kernel in layers:
        depth, channels = shape[-1], channels or shape[-1]
        window = (channels, kernel, kernel, depth)
        weights = {"conv": window, "depthwise": (1, kernel, kernel, channels), "dense": (channels, depth)}[kind]
        scales = filter_scales(rng, channels, True)
        w = b.constant(rng.integers(-127, 128, weights), "int8", scale=scales, axis=3 if kind == "depthwise" else 0)
        bias = b.constant(rng.integers(-2000, 2000, channels), "int32", scale=scales * np.float32(scale))
        shape = (*shape[:-1], channels)
        scale = output_scale(rng, scale, scales, int(np.prod(weights[1:])) // (channels if kind == "depthwise" else 1))
        y = b.tensor(shape, scale=scale, zero_point=zero_point)
        options = {"fusedActivationFunction": "RELU" if zero_point == -128 else "NONE"}
        if kind != "dense":
            options |= {"padding": "SAME", "strideH": 1, "strideW": 1}
        if kind == "depthwise":
            options |= {"depthMultiplier": 1}
        table = {"conv": "Conv2DOptions", "depthwise": "DepthwiseConv2DOptions", "dense": "FullyConnectedOptions"}[kind]
        operator = {"conv": "CONV_2D", "depthwise": "DEPTHWISE_CONV_2D", "dense": "FULLY_CONNECTED"}[kind]
        b.operator(operator, [x, w, bias], [y], table, version=4 if kind == "dense" else 3, **options)
        x = y
    return b.finish([first], [x])


def least(model: Model, group: int = 1, vector: int = 1) -> int:
    """Bytes of the weights, each matrix once, and 8 for every channel of every layer.

    With the filters of all but depthwise layers padded to whole groups, and each to whole vectors.
    """
    graph = model.subgraphs[0]
    weights, channels = {}, 0
    for operator in graph.operators:
        tensor = graph.tensors[operator.inputs[1]]
        if operator.name == "DEPTHWISE_CONV_2D":
            count, size = tensor.shape[3], int(np.prod(tensor.shape[:3]))
        else:
            count = -(-tensor.shape[0] // group) * group
            size = -(-int(np.prod(tensor.shape[1:])) // vector) * vector
        weights[operator.inputs[1]] = count * size
        channels += count
    return sum(weights.values()) + 8 * channels


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("optimize", ["balanced", "size"])
@pytest.mark.parametrize("name", NETWORKS)
def test_constants_are_little_more_than_weights_and_eight_bytes_a_channel(name: str, optimize: str, cpu: str) -> None:
    for zero_point in (-128, 5):
        model = read_model(network(name, zero_point))
        code = compile_model(model, "net", cpu, optimize)
        arrays = code.files["net_weights.c"].count("] = {")
        assert stored_bytes(code) <= MOST * least(model) + ALIGNED * arrays, (zero_point, code.kernels)


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("optimize", ["balanced", "size"])
@pytest.mark.parametrize("name", ODD)
def test_odd_sizes_cost_no_more_than_whole_groups_and_words(name: str, optimize: str, cpu: str) -> None:
    """Kernels take four filters at a time and four values of each; those for vectors two filters and sixteen values."""
    group, vector = (2, 16) if cpu in VECTORS else (4, 4)
    for zero_point in (-128, 5):
        model = read_model(network(name, zero_point))
        code = compile_model(model, "net", cpu, optimize)
        arrays = code.files["net_weights.c"].count("] = {")
        assert stored_bytes(code) <= MOST * least(model, group, vector) + ALIGNED * arrays, (zero_point, code.kernels)


@pytest.mark.slow
@pytest.mark.skipif(not TOOLS, reason="needs the tools for microcontrollers")
@pytest.mark.parametrize("cpu", ["cortex-m0plus", "cortex-m4", "cortex-m55"])
@pytest.mark.parametrize("optimize", ["balanced", "size"])
def test_what_is_linked_is_little_more_too(optimize: str, cpu: str) -> None:
    """With the kernels' structs, whose numbers take 16 bits."""
    model = read_model(network("fast downsampling", -128))
    code = compile_model(model, "net", cpu, optimize)
    image = np.zeros((1, 4, 4, 16), np.int8)
    found = bench_mcu(code.files, "net", cpu, (image,), outputs_like=(np.zeros((1, 4, 4, 256), np.int8),), optimize=optimize)
    assert found.sizes.constants <= MOST * least(model)


@pytest.mark.parametrize("cpu", VECTORS)
def test_filters_without_padding_are_for_code_that_need_not_be_fastest(cpu: str) -> None:
    model = read_model(network("channels removed", -128))
    assert "ep_conv_2d_rows_mve" in compile_model(model, "net", cpu, "balanced").kernels
    assert "ep_conv_2d_rows_mve" not in compile_model(model, "net", cpu, "speed").kernels


@pytest.mark.parametrize("name", [*NETWORKS, *ODD])
def test_these_networks_equal_the_reference(name: str) -> None:
    assert mismatches([Case(f"zero point {zero}", network(name, zero)) for zero in (-128, 5)], *CORES) == []


@pytest.mark.parametrize(("inputs", "outputs"), [(128, 256), (40, 256)])
def test_vectors_store_a_shared_matrix_and_its_biases_once(inputs: int, outputs: int) -> None:
    """Ten steps over equal scales: one matrix, and of each step's own no more than a multiplier and a shift."""
    model = read_model(steps(10, inputs, outputs, zero_point=3))
    code = compile_model(model, "net", "cortex-m55")
    assert stored_bytes(code) <= MOST * inputs * outputs + 4 * outputs + 10 * 5 * outputs
