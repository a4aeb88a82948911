"""Layers of which some channels have multipliers of a half and more, counted beside the same layer without such channels.

python -m tests.compile.steep_layers --core cortex-m4              # the whole matrix; 1 when one costs more than its bound
python -m tests.compile.steep_layers --core cortex-m55 8-> 1x1/1   # the layers whose names have all of these
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from edgepack.measure.mcu.emulated import bench_mcu
from tests.compile.builder import ModelBuilder
from tests.compile.harness import inputs_for
from tests.compile.reference import run_reference

MOST = 1.05
SIZE = 8  # of the images
TOGETHER = 8  # layers of a program
ZEROS = {"RELU": -128, "RELU6": -128, "NONE": 5}
MULTIPLIERS = (0.5, 3.0, 20.0, 100.0, 200.0)
ODD = (2, 5, 7)  # the channels that are unlike the others: the first of them, or all


class Layer(NamedTuple):
    """A convolution, or a depthwise one where `depth` is 0."""

    depth: int
    channels: int
    kernel: int
    stride: int
    activation: str

    def __str__(self) -> str:
        inputs = f"{self.depth}->" if self.depth else "depthwise "
        return f"{inputs}{self.channels} {self.kernel}x{self.kernel}/{self.stride} {self.activation}"


class Form(NamedTuple):
    """So many channels have this multiplier."""

    odd: int
    multiplier: float


class Counted(NamedTuple):
    """Executed instructions of a layer, by those of the plain layer, and which kernel it has."""

    ratio: float
    plain: float
    kernel: str


MATRIX = tuple(
    Layer(depth, channels, kernel, stride, activation)
    for depth, channels in ((8, 8), (8, 16), (16, 16), (16, 32), (32, 64), (64, 64), (0, 8), (0, 16), (0, 32), (0, 64))
    for kernel in (1, 3)
    for stride in (1, 2)
    for activation in ZEROS
    if depth or kernel == 3
)
FORMS = tuple(Form(odd, multiplier) for odd in (1, len(ODD)) for multiplier in MULTIPLIERS)


def add_layer(b: ModelBuilder, layer: Layer, form: Form, first: int) -> tuple[int, int]:
    """One layer with its own input and output; `first` is its first weight: layers of equal weights would share them."""
    rng = np.random.default_rng(MATRIX.index(layer))
    depth, kernel, out = layer.depth or layer.channels, layer.kernel, -(-SIZE // layer.stride)
    in_scale, out_scale = 0.02, 6 / 255 if layer.activation == "RELU6" else 0.02
    weights = rng.integers(-127, 128, (layer.channels, kernel, kernel, layer.depth or 1))
    weights.flat[0] = first
    scales = rng.uniform(0.007, 0.014, layer.channels) / np.sqrt(weights[0].size) * out_scale / in_scale
    scales[list(ODD[: form.odd])] = form.multiplier * out_scale / in_scale
    x = b.tensor((1, SIZE, SIZE, depth), scale=in_scale, zero_point=3 if layer.activation == "NONE" else -128)
    filters = weights if layer.depth else np.moveaxis(weights, 0, 3).reshape(1, kernel, kernel, -1)
    w = b.constant(filters, "int8", scale=scales, axis=0 if layer.depth else 3)
    c = b.constant(rng.integers(-3000, 3000, layer.channels), "int32", scale=scales * in_scale)
    y = b.tensor((1, out, out, layer.channels), scale=out_scale, zero_point=ZEROS[layer.activation])
    operator, table = ("CONV_2D", "Conv2DOptions") if layer.depth else ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions")
    fields: dict[str, Any] = {} if layer.depth else {"depthMultiplier": 1}
    fields |= {"padding": "SAME", "strideH": layer.stride, "strideW": layer.stride, "fusedActivationFunction": layer.activation}
    b.operator(operator, [x, w, c], [y], table, version=3, **fields)
    return x, y


def counted(core: str, layers: Sequence[Layer], forms: Sequence[Form] = FORMS) -> dict[tuple[Layer, Form], Counted]:
    """All these layers in one program on an emulated core; bytes are compared with the reference's."""
    b, all_forms = ModelBuilder(), (Form(0, 0.0), *forms)
    ends = [add_layer(b, layer, form, place) for layer in layers for place, form in enumerate(all_forms)]
    model = b.finish([x for x, _ in ends], [y for _, y in ends])
    sets = inputs_for(read_model(model), 2, 1)
    expected = run_reference(model, sets, "tflite-ref")
    code = compile_model(read_model(model), "net", core)
    inputs, outputs = (tuple(np.stack(arrays) for arrays in zip(*given, strict=True)) for given in (sets, expected))
    result = bench_mcu(code.files, "net", core, inputs, outputs, toolchain="zig")
    assert (result.parity.compared, result.parity.differing) == (2, 0)
    per_layer = {int(title.split()[0]): count for title, count in result.per_layer.items() if title.split()[0].isdigit()}
    found = {each.operator: (per_layer[each.index], each.kernel) for each in code.layers}
    assert sorted(found) == list(range(len(ends)))
    plain = {layer: found[place * len(all_forms)][0] for place, layer in enumerate(layers)}
    return {
        (layer, form): Counted(found[first + place][0] / plain[layer], plain[layer], found[first + place][1])
        for first, layer in zip(range(0, len(found), len(all_forms)), layers, strict=True)
        for place, form in enumerate(all_forms)
        if place
    }


def bound(core: str, layer: Layer, form: Form) -> float | None:
    """What such a layer may cost; None where docs/contributing/fast-kernels.md says that it costs more."""
    relu = layer.activation != "NONE" and layer.depth > 0
    if core == "cortex-m55":
        return None if relu and form.multiplier > 64 else MOST
    if core in ("cortex-m4", "cortex-m7", "cortex-m33"):
        dear = form.multiplier >= 128 or form.odd > 1
        return None if relu and dear and layer.kernel**2 * layer.depth <= 72 else MOST
    return MOST


def too_dear(core: str, found: Mapping[tuple[Layer, Form], Counted]) -> dict[tuple[Layer, Form], Counted]:
    """Those that cost more than their bound."""
    return {key: each for key, each in found.items() if each.ratio > (bound(core, *key) or np.inf)}


def in_programs(layers: Sequence[Layer]) -> Iterator[Sequence[Layer]]:
    """The layers, as many at a time as one program takes."""
    for first in range(0, len(layers), TOGETHER):
        yield layers[first : first + TOGETHER]


def main() -> int:
    """Print percent more than the plain layer, a row for each layer; 1 when one costs more than its bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", default="cortex-m4")
    parser.add_argument("words", nargs="*", help="only layers whose name has all of these")
    asked = parser.parse_args()
    print(f"{asked.core:24} {'plain':>9} " + " ".join(f"{form.odd}x{form.multiplier:<5g}" for form in FORMS))
    beyond = 0
    for layers in in_programs([layer for layer in MATRIX if all(word in str(layer) for word in asked.words)]):
        found = counted(asked.core, layers)
        beyond += len(too_dear(asked.core, found))
        for layer in layers:
            row = [found[layer, form] for form in FORMS]
            marked = (f"{100 * (each.ratio - 1):6.1f}{'*' if each.ratio > MOST else ' '}" for each in row)
            kernels = sorted({each.kernel for each in row})
            print(f"{layer!s:24} {row[0].plain:9.0f} {' '.join(marked)} {' '.join(kernels)}", flush=True)
    return int(beyond > 0)


if __name__ == "__main__":
    sys.exit(main())
