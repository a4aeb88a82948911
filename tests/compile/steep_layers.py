"""Layers of which some channels have multipliers of a half and more, beside the same layer without: what such channels cost."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from edgepack.measure.mcu.emulated import bench_mcu
from tests.compile.builder import ModelBuilder
from tests.compile.harness import inputs_for
from tests.compile.reference import run_reference

SIZE = 8  # of the images
ZEROS = {"RELU": -128, "RELU6": -128, "NONE": 5}
STEEP = (0.5, 3.0, 20.0, 100.0, 200.0)


class Layer(NamedTuple):
    """A convolution, or a depthwise one where `depth` is 0. Every channel in `odd` has its multiplier."""

    depth: int
    channels: int
    kernel: int
    stride: int
    activation: str

    def __str__(self) -> str:
        inputs = f"{self.depth}->" if self.depth else "depthwise "
        return f"{inputs}{self.channels} {self.kernel}x{self.kernel}/{self.stride} {self.activation}"


PLACES = (1, 2, 3)
"""How many channels are unlike the others: the first of the places below, in different groups of four where there are some."""
_ODD = (2, 5, 7)

MATRIX = tuple(
    Layer(depth, channels, kernel, stride, activation)
    for depth, channels in ((8, 8), (8, 16), (16, 16), (16, 32), (32, 64), (64, 64), (0, 8), (0, 16), (0, 32), (0, 64))
    for kernel in (1, 3)
    for stride in (1, 2)
    for activation in ZEROS
    if depth or kernel == 3
)


def add_layer(b: ModelBuilder, layer: Layer, odd: Sequence[int], multiplier: float, seed: int) -> tuple[int, int]:
    """One layer with its own input and output."""
    rng = np.random.default_rng(MATRIX.index(layer))
    depth, kernel, out = layer.depth or layer.channels, layer.kernel, -(-SIZE // layer.stride)
    per_output = kernel * kernel * (layer.depth or 1)
    in_scale = 0.02
    out_scale = 6 / 255 if layer.activation == "RELU6" else 0.02
    weights = rng.integers(-127, 128, (layer.channels, kernel, kernel, layer.depth or 1))
    weights.flat[0] = seed
    scales = rng.uniform(0.005, 0.01, layer.channels) / 0.7 / np.sqrt(per_output) * out_scale / 0.02
    bias = rng.integers(-3000, 3000, layer.channels)
    scales[list(odd)] = multiplier * out_scale / in_scale
    x = b.tensor((1, SIZE, SIZE, depth), scale=in_scale, zero_point=-128 if layer.activation != "NONE" else 3)
    w = b.constant(weights if layer.depth else np.moveaxis(weights, 0, 3).reshape(1, kernel, kernel, -1), "int8", scale=scales,
                   axis=0 if layer.depth else 3)
    c = b.constant(bias, "int32", scale=scales * in_scale)
    y = b.tensor((1, out, out, layer.channels), scale=out_scale, zero_point=ZEROS[layer.activation])
    fields: dict[str, Any] = {"padding": "SAME", "strideH": layer.stride, "strideW": layer.stride}
    fields["fusedActivationFunction"] = layer.activation
    if layer.depth:
        b.operator("CONV_2D", [x, w, c], [y], "Conv2DOptions", version=3, **fields)
    else:
        b.operator("DEPTHWISE_CONV_2D", [x, w, c], [y], "DepthwiseConv2DOptions", version=3, depthMultiplier=1, **fields)
    return x, y


def ratios(core: str, layers: Sequence[Layer], multipliers: Sequence[float] = STEEP, counts: Sequence[int] = (1, 3)) -> dict[tuple[str, int, float], float]:
    """Executed instructions of each layer with such channels by the plain layer's, all in one program; bytes are compared."""
    b = ModelBuilder()
    forms = [(0, 0.0), *((count, multiplier) for count in counts for multiplier in multipliers)]
    ends = [
        add_layer(b, layer, _ODD[:count], multiplier, place) for layer in layers for place, (count, multiplier) in enumerate(forms)
    ]
    model = b.finish([x for x, _ in ends], [y for _, y in ends])
    sets = inputs_for(read_model(model), 2, 1)
    expected = run_reference(model, sets, "tflite-ref")
    code = compile_model(read_model(model), "net", core)
    inputs, outputs = (tuple(np.stack(arrays) for arrays in zip(*given, strict=True)) for given in (sets, expected))
    result = bench_mcu(code.files, "net", core, inputs, outputs, toolchain="zig")
    assert (result.parity.compared, result.parity.differing) == (2, 0)
    counted = {int(title.split()[0]): count for title, count in result.per_layer.items() if title.split()[0].isdigit()}
    found = {each.operator: (counted[each.index], each.kernel) for each in code.layers}
    return {
        (str(layer), *form): (found[first + place][0] / found[first][0], found[first + place][1], found[first][0])
        for first, layer in zip(range(0, len(found), len(forms)), layers, strict=True)
        for place, form in enumerate(forms)
        if place
    }
