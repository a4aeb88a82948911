"""Several images at once: a kernel whose output may overlap its input counts on one image, and must know when there are more."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from tests.compile.builder import ModelBuilder
from tests.compile.harness import Case, assert_exact

CPUS = ("generic", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m55")
OPERATORS = ("conv", "pointwise", "depthwise", "average", "max", "transpose_conv", "dense")


def between_relus(name: str, batches: int, seed: int) -> bytes:
    """An operator whose input and output are both in the arena; its output is mostly larger than its input."""
    b, rng = ModelBuilder(), np.random.default_rng(seed)
    height, width, channels = int(rng.integers(3, 8)), int(rng.integers(3, 8)), int(rng.choice([4, 5, 8]))
    shape = (batches, height, width, channels)
    x, a = b.tensor(shape, scale=0.05, zero_point=3), b.tensor(shape, scale=0.05, zero_point=-9)
    b.operator("RELU_N1_TO_1", [x], [a])
    outputs = 3 * channels if name == "conv" else 2 * channels
    steps = {"padding": "SAME", "strideH": 1, "strideW": 1}
    size: tuple[int, ...] = (batches, height, width, outputs)

    def weighted(shape: tuple[int, ...], axis: int = 0) -> list[int]:
        scales = rng.uniform(0.002, 0.02, outputs).astype(np.float32)
        w = b.constant(rng.integers(-127, 128, shape), "int8", scale=scales, axis=axis)
        return [w, b.constant(rng.integers(-900, 900, outputs), "int32", scale=scales * np.float32(0.05))]

    if name in ("average", "max"):
        size = shape
        y = b.tensor(size, scale=0.05, zero_point=-9)
        window = {"filterHeight": 3, "filterWidth": 2}
        b.operator(f"{name.upper()}_POOL_2D", [a], [y], "Pool2DOptions", version=2, **steps, **window)
    elif name == "depthwise":
        y = b.tensor(size, scale=0.1)
        constants = weighted((1, 3, 3, outputs), 3)
        b.operator("DEPTHWISE_CONV_2D", [a, *constants], [y], "DepthwiseConv2DOptions", version=3, depthMultiplier=2, **steps)
    elif name == "transpose_conv":
        size = (batches, 2 * height, 2 * width, outputs)
        y = b.tensor(size, scale=0.1)
        w, bias = weighted((outputs, 3, 3, channels))
        strides = {"padding": "SAME", "strideH": 2, "strideW": 2}
        inputs = [b.constant(np.array(size)), w, a, bias]
        b.operator("TRANSPOSE_CONV", inputs, [y], "TransposeConvOptions", version=3, **strides)
    elif name == "dense":
        size = (batches, outputs)
        y = b.tensor(size, scale=0.2)
        w = b.constant(rng.integers(-127, 128, (outputs, height * width * channels)), "int8", scale=0.01)
        b.operator("FULLY_CONNECTED", [a, w, -1], [y], "FullyConnectedOptions", version=4)
    else:
        y = b.tensor(size, scale=0.1)
        kernel = 3 if name == "conv" else 1
        b.operator("CONV_2D", [a, *weighted((outputs, kernel, kernel, channels))], [y], "Conv2DOptions", version=3, **steps)
    kind = b.tensors[y].quantization
    z = b.tensor(size, scale=float(kind.scale[0]) * 0.9, zero_point=5)
    b.operator("RELU", [y], [z], version=2)
    return b.finish([x], [z])


@pytest.mark.parametrize("name", OPERATORS)
def test_no_image_is_overwritten_before_it_was_read(name: str) -> None:
    cases = [
        Case(f"{name} of {batches}, seed {seed}", between_relus(name, batches, seed))
        for batches in (1, 2, 3)
        for seed in range(4)
    ]
    assert_exact(cases, CPUS)


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("name", ["conv", "depthwise", "average", "max"])
def test_one_image_may_be_computed_over_its_input(name: str, cpu: str) -> None:
    one, two = (compile_model(read_model(between_relus(name, batches, 1)), "m", cpu) for batches in (1, 2))
    assert [bool(call.overlaps) for call in one.calls] == [True, True, True]
    assert [bool(call.overlaps) for call in two.calls] == [True, False, True]
