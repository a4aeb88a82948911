"""Code for "size" takes no larger arena than the portable kernels, with the core's own kernels where their scratch fits."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from tests.compile.builder import ModelBuilder
from tests.compile.cases import filter_scales, output_scale
from tests.compile.cases_bands import convolution_chain, pooled_chain
from tests.compile.harness import Case, c_text, mismatches
from tests.compile.networks import random_network

CORES = ("cortex-m0plus", "cortex-m3", "cortex-m7", "cortex-m55")
WIDTHS = ((1, 8), (2, 16), (1, 16), (2, 32), (1, 32))  # stride and channels of separable layers


def separable_network(size: int) -> bytes:
    """A strided 3x3 convolution and separable ones, all with ReLU: how MobileNets begin."""
    b, rng = ModelBuilder(), np.random.default_rng(0)
    first = x = b.tensor((1, size, size, 3), scale=0.02)
    size, depth, scale = size // 2, 8, 0.02
    x, scale = _layer(b, rng, x, (size, 3, scale), 8, 3, 2)
    for stride, channels in WIDTHS:
        size //= stride
        x, scale = _layer(b, rng, x, (size, depth, scale), 0, 3, stride)
        x, scale = _layer(b, rng, x, (size, depth, scale), channels, 1, 1)
        depth = channels
    return b.finish([first], [x])


def _layer(
    b: ModelBuilder, rng: np.random.Generator, x: int, given: tuple[int, int, float], channels: int, kernel: int, stride: int
) -> tuple[int, float]:
    """A convolution to so many channels, depthwise for 0, that writes an image of the given size."""
    size, depth, scale = given
    depthwise, out = channels == 0, channels or depth
    scales = filter_scales(rng, out, True)
    weights = rng.integers(-127, 128, (1, kernel, kernel, out) if depthwise else (out, kernel, kernel, depth))
    w = b.constant(weights, "int8", scale=scales, axis=3 if depthwise else 0)
    bias = b.constant(rng.integers(-2000, 2000, out), "int32", scale=scales * np.float32(scale))
    out_scale = output_scale(rng, scale, scales, kernel * kernel * (1 if depthwise else depth))
    y = b.tensor((1, size, size, out), scale=out_scale, zero_point=-128)
    options = {"padding": "SAME", "strideH": stride, "strideW": stride, "fusedActivationFunction": "RELU"}
    options |= {"depthMultiplier": 1} if depthwise else {}
    name, table = ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions") if depthwise else ("CONV_2D", "Conv2DOptions")
    b.operator(name, [x, w, bias], [y], table, version=3, **options)
    return y, out_scale


MODELS = {
    "separable 64": separable_network(64),
    "separable 96": separable_network(96),
    **{f"chain {seed}": convolution_chain(np.random.default_rng(seed)) for seed in range(4)},
    **{f"pooled {seed}": pooled_chain(np.random.default_rng(seed)) for seed in range(4)},
    **{f"network {seed}": random_network(seed) for seed in range(8)},
}


@pytest.mark.parametrize("cpu", CORES)
def test_no_arena_for_size_is_larger_than_that_of_the_portable_kernels(cpu: str) -> None:
    for label, file in MODELS.items():
        model = read_model(file)
        portable, own = compile_model(model, "net", "generic", "size"), compile_model(model, "net", cpu, "size")
        assert own.arena_size <= portable.arena_size, label


@pytest.mark.parametrize("cpu", CORES)
def test_code_for_size_equals_the_reference(cpu: str) -> None:
    assert mismatches([Case(label, model) for label, model in MODELS.items()], cpu, optimize="size") == []


@pytest.mark.parametrize("cpu", ["cortex-m7", "cortex-m55"])
def test_layers_whose_scratch_fits_keep_the_fast_kernels(cpu: str) -> None:
    own, portable = (compile_model(read_model(MODELS["separable 64"]), "net", core, "size") for core in (cpu, "generic"))
    assert sum(layer.predicted for layer in own.layers) < 0.7 * sum(layer.predicted for layer in portable.layers)
    assert not set(own.kernels) <= set(portable.kernels)


def test_the_choice_is_the_same_every_time() -> None:
    first, second = (compile_model(read_model(MODELS["separable 64"]), "net", "cortex-m7", "size") for _ in range(2))
    assert c_text(first) == c_text(second)
