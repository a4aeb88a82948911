"""Channels with multipliers of a half and more do not cost their layer a twentieth, nor a bit of its outputs."""

from __future__ import annotations

import importlib.util
import shutil
from typing import Any

import numpy as np
import pytest

from edgepack.compile.operators.shared.one_sided import fit
from edgepack.compile.operators.shared.staircase import Channel
from edgepack.compile.quantize import quantize_multiplier
from tests.compile.builder import ModelBuilder
from tests.compile.harness import Case, mismatches
from tests.compile.on_core import differing_on_core
from tests.compile.steep_layers import FORMS, MATRIX, MULTIPLIERS, Form, Layer, counted, in_programs, too_dear

TOOLS = all(importlib.util.find_spec(name) for name in ("ziglang", "unicorn"))
QEMU = shutil.which("qemu-system-arm") is not None
needs_unicorn = pytest.mark.skipif(not TOOLS, reason="ziglang and unicorn are not installed")
needs_qemu = pytest.mark.skipif(not (TOOLS and QEMU), reason="ziglang or qemu-system-arm is not installed")
CORES = [
    pytest.param(core, marks=needs_qemu if core == "cortex-m55" else needs_unicorn)
    for core in ("cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")
]
SAMPLE = (
    Layer(8, 8, 1, 1, "RELU"),
    Layer(8, 16, 1, 1, "RELU6"),
    Layer(16, 16, 1, 2, "NONE"),
    Layer(0, 8, 3, 1, "RELU"),
    Layer(0, 16, 3, 2, "RELU6"),
)
FEW = (Form(1, 0.5), Form(1, 20.0), Form(3, 200.0))


@pytest.mark.parametrize("core", CORES)
def test_they_cost_at_most_a_twentieth(core: str) -> None:
    assert too_dear(core, counted(core, SAMPLE, FEW)) == {}


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m55"])
def test_they_cost_at_most_a_twentieth_in_a_fifth_of_the_matrix(core: str) -> None:
    """Of every size and with every window, stride and activation; all: `python -m tests.compile.steep_layers --core CORE`."""
    fifth = MATRIX[::5]
    for facts in ("kernel", "stride", "activation"):
        assert {getattr(layer, facts) for layer in fifth} == {getattr(layer, facts) for layer in MATRIX}
    assert {layer[:2] for layer in fifth} == {layer[:2] for layer in MATRIX}
    for layers in in_programs(fifth):
        assert too_dear(core, counted(core, layers, FORMS)) == {}


OPTIONS = {
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
}


def add_steep(b: ModelBuilder, rng: np.random.Generator, operator: str) -> tuple[int, int]:
    """A layer of any size, of which any channels have multipliers up to 1000."""
    depthwise, dense = operator == "DEPTHWISE_CONV_2D", operator == "FULLY_CONNECTED"
    channels = int(rng.integers(4, 14))
    depth = channels if depthwise else int(rng.choice([15, 40, 160] if dense else [4, 8, 15, 40]))
    kernel, stride = (3, int(rng.integers(1, 3))) if depthwise else (int(rng.choice([1, 3])), 1)
    height, width = (int(each) for each in rng.integers(1, 11, 2))
    weights = rng.integers(-127, 128, (channels, depth) if dense else (channels, kernel, kernel, 1 if depthwise else depth))
    scales = rng.uniform(0.007, 0.014, channels) / np.sqrt(weights[0].size)
    odd = rng.random(channels) < rng.choice([0.1, 0.3, 0.8])
    odd[int(rng.integers(channels))] = True
    scales = np.where(odd, np.exp(rng.uniform(np.log(0.1), np.log(1000), channels)), scales)
    zero = -128 if rng.random() < 0.7 else int(rng.integers(-99, 99))
    x = b.tensor((1, depth) if dense else (1, height, width, depth), scale=0.02, zero_point=int(rng.choice([-128, 3])))
    filters = np.moveaxis(weights, 0, 3).reshape(1, kernel, kernel, -1) if depthwise else weights
    w = b.constant(filters, "int8", scale=scales, axis=3 if depthwise else 0)
    c = b.constant(rng.integers(-3000, 3000, channels), "int32", scale=scales * 0.02)
    out = (channels,) if dense else (-(-height // stride), -(-width // stride), channels)
    y = b.tensor((1, *out), scale=0.02, zero_point=zero)
    fields: dict[str, Any] = {} if dense else {"padding": "SAME", "strideH": stride, "strideW": stride}
    fields |= {"depthMultiplier": 1} if depthwise else {}
    fields["fusedActivationFunction"] = "RELU" if zero == -128 else "NONE"
    b.operator(operator, [x, w, c], [y], OPTIONS[operator], version=5 if dense else 3, **fields)
    return x, y


def steep(operator: str, seed: int, count: int = 24) -> bytes:
    """So many such layers side by side."""
    b, rng = ModelBuilder(), np.random.default_rng(seed)
    ends = [add_steep(b, rng, operator) for _ in range(count)]
    return b.finish([x for x, _ in ends], [y for _, y in ends])


@pytest.mark.parametrize("operator", OPTIONS)
def test_any_steep_channels_equal_the_reference_on_this_machine(operator: str) -> None:
    cases = [Case(f"seed {seed}", steep(operator, seed)) for seed in (0,)]
    assert mismatches(cases, "generic", "cortex-m0plus", "cortex-m4", "cortex-m55") == []


@needs_unicorn
@pytest.mark.parametrize(
    ("operator", "kernels"),
    [
        ("CONV_2D", {"ep_conv_2d_gemm"}),
        ("DEPTHWISE_CONV_2D", {"ep_depthwise_3x3_mixed", "ep_depthwise_3x3_stride2_mixed"}),
        ("FULLY_CONNECTED", {"ep_fully_connected_gemm"}),
    ],
)
def test_any_steep_channels_equal_the_reference_on_a_core(operator: str, kernels: set[str]) -> None:
    """Lines of any length, channels that are no multiple of four, any of them steep: the assembly, not its definition in C."""
    code, differing = differing_on_core(steep(operator, 100), "cortex-m4", 1)
    assert kernels <= set(code.kernels)
    assert differing == 0


@needs_qemu
@pytest.mark.parametrize("operator", OPTIONS)
def test_any_steep_channels_equal_the_reference_on_vectors(operator: str) -> None:
    assert differing_on_core(steep(operator, 200), "cortex-m55", 1)[1] == 0


@needs_qemu
def test_a_channel_for_which_no_cheap_form_is_exact_does_not_cost_its_layer_the_vectors() -> None:
    """Scaled sums are not exact for one channel or another of so large a layer: all have the general form."""
    found = counted("cortex-m55", [Layer(64, 64, 3, 2, "NONE")], [Form(1, 3.0)])
    (each,) = found.values()
    assert each.kernel == "ep_conv_2d_mve"
    assert each.ratio < 1.05


@pytest.mark.parametrize("seed", range(3))
def test_every_multiplier_from_an_eighth_on_has_one_of_two_shifts_in_depthwise_layers(seed: int) -> None:
    """What makes a layer's steep channel keep the one-sided store, whatever its multiplier."""
    rng = np.random.default_rng(seed)
    for multiplier in (*MULTIPLIERS, 0.13, 0.3, 1.0, 7.9, 64.0, 127.9, 128.1, 255.9, 256.1, 1000.0):
        bias, reach = int(rng.integers(-3000, 3000)), int(rng.integers(20000, 140000))
        quantized, shift = quantize_multiplier(multiplier)
        channel = Channel(bias, quantized, shift, -128, -128, 127, bias - reach, bias + reach)
        assert any(fit(channel, 8 + bits, after) for bits in range(7) for after in (10, 2)), multiplier
