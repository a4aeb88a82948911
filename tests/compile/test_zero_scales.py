"""Constants that are zero throughout, to which converters give the scale 0, compile to the reference's bytes."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import CompileError
from tests.compile.builder import ModelBuilder
from tests.compile.harness import Case, assert_exact, compare, inputs_for
from tests.compile.host import build
from tests.compile.reference import run_reference

SHAPE = (1, 3, 4, 5)
OPTIONS = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions", "SQUARED_DIFFERENCE": "SquaredDifferenceOptions"}
CPUS = ("generic", "cortex-m4", "cortex-m55")


DIE = ("ADD", "SUB", "SQUARED_DIFFERENCE", "LESS", "GREATER_EQUAL", "EQUAL")
"""Every runtime aborts on these; what they mean is what the runtimes give for the zeros with any scale too small to matter."""


def binary(
    name: str, dtype: str = "int8", constant: tuple[int, ...] = SHAPE, first: bool = False, zero: int = 0, scale: float = 0.0
) -> bytes:
    """An operator of a computed tensor and a constant of zeros."""
    b = ModelBuilder()
    zeros = (-7, 11) if dtype == "int8" else (0, 0)
    x = b.tensor(SHAPE, dtype, scale=0.05, zero_point=zeros[0])
    c = b.constant(np.full(constant, zero), dtype, scale=scale, zero_point=zero)
    compared = name in ("LESS", "GREATER_EQUAL", "EQUAL")
    y = b.tensor(SHAPE, "bool") if compared else b.tensor(SHAPE, dtype, scale=0.07, zero_point=zeros[1])
    b.operator(name, [c, x] if first else [x, c], [y], OPTIONS.get(name, ""), version=1 if name == "PRELU" else 2)
    return b.finish([x], [y])


def assert_zeros(name: str, dtype: str, shape: tuple[int, ...], first: bool, zero: int, engine: str) -> None:
    """The C of the constant with scale 0 gives the reference's bytes."""
    model = binary(name, dtype, shape, first, zero)
    runs = model if name not in DIE else binary(name, dtype, shape, first, zero, 1e-3)
    sets = inputs_for(read_model(model), 4, 1)
    expected = run_reference(runs, sets, engine)
    for cpu in CPUS:
        host = build([compile_model(read_model(model), "m", cpu)])[0]
        for inputs, outputs in zip(sets, expected, strict=True):
            assert compare(host.run(inputs), outputs) == "", f"{name} {shape} first={first} zero={zero} {cpu}"


@pytest.mark.parametrize("name", ["MUL", "MAXIMUM", "MINIMUM", "PRELU", *DIE])
@pytest.mark.parametrize("zero", [0, 5])
def test_an_operand_of_scale_0(name: str, zero: int) -> None:
    last = SHAPE[-1:]
    if name == "PRELU":
        assert_zeros(name, "int8", (1, 1, *last), False, zero, "tflite-ref")
    else:
        for shape in (SHAPE, (1, 1, 1, *last)):
            for first in (False, True):
                assert_zeros(name, "int8", shape, first, zero, "tflite-ref")


@pytest.mark.parametrize("name", ["ADD", "SUB", "MUL"])
@pytest.mark.parametrize("first", [False, True])
def test_an_int16_operand_of_scale_0(name: str, first: bool) -> None:
    assert_zeros(name, "int16", SHAPE[-1:], first, 0, "tflite-micro")


def filters(name: str, dtype: str, scales: list[float], bias_type: str = "") -> bytes:
    """A convolution or dense layer whose filters with the scale 0 are zero."""
    b = ModelBuilder()
    rng = np.random.default_rng(3)
    channels = 4
    dense, depthwise = name == "FULLY_CONNECTED", name == "DEPTHWISE_CONV_2D"
    shape = {"FULLY_CONNECTED": (channels, 6), "CONV_2D": (channels, 2, 2, 3), "DEPTHWISE_CONV_2D": (1, 2, 2, channels)}[name]
    axis = 3 if depthwise else 0
    weights = np.moveaxis(rng.integers(-127, 128, shape), axis, 0)
    each = np.broadcast_to(np.asarray(scales), channels)
    weights[each == 0] = 0
    source = (1, 6) if dense else (1, 4, 4, channels if depthwise else 3)
    x = b.tensor(source, dtype, scale=0.02, zero_point=3 if dtype == "int8" else 0)
    w = b.constant(np.moveaxis(weights, 0, axis), "int8", scale=scales, axis=axis)
    inputs = [x, w]
    if bias_type:
        bias = np.where(each == 0, 0, rng.integers(-3000, 3000, channels))
        inputs.append(b.constant(bias, bias_type, scale=np.asarray(scales) * 0.02))
    y = b.tensor((1, channels) if dense else (1, 3, 3, channels), dtype, scale=0.1 if dtype == "int8" else 0.003)
    options = {} if dense else {"padding": "VALID", "strideH": 1, "strideW": 1}
    if depthwise:
        options["depthMultiplier"] = 1
    table = {"FULLY_CONNECTED": "FullyConnectedOptions", "CONV_2D": "Conv2DOptions"}.get(name, "DepthwiseConv2DOptions")
    b.operator(name, inputs, [y], table, version=5, **options)
    return b.finish([x], [y])


@pytest.mark.parametrize("name", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_filters_without_weights_may_have_the_scale_0(name: str, dtype: str) -> None:
    bias = "int32" if dtype == "int8" else "int64"
    engine = "tflite-ref" if dtype == "int8" else "tflite-micro"
    some, every = [0.01, 0.0, 0.02, 0.0], [0.0] * 4
    assert_exact(
        [
            Case(f"{name} {dtype} {scales} {with_bias}", filters(name, dtype, scales, with_bias), engine)
            for scales in (some, every, [0.0])
            for with_bias in ((bias,) if (name, dtype) == ("CONV_2D", "int8") else ("", bias))
        ],
        CPUS,
    )


def test_two_operands_of_scale_0_leave_nothing_to_scale_by() -> None:
    b = ModelBuilder()
    x, y = b.tensor(SHAPE, scale=0.05), b.tensor(SHAPE, scale=0.05)
    zeros = [b.constant(np.zeros(SHAPE), "int8", scale=0.0) for _ in "ab"]
    b.operator("ADD", zeros, [y], "AddOptions")
    with pytest.raises(CompileError, match="scales too far apart"):
        compile_model(read_model(b.finish([x], [y])), "m")
