"""Equal constants are stored once, whatever belongs to each layer alone."""

from __future__ import annotations

import importlib.util
import re

import numpy as np
import pytest

from edgepack.compile import CCode, compile_model
from edgepack.flatbuffer import read_model
from tests.compile.builder import ModelBuilder
from tests.compile.cases import filter_scales, output_scale
from tests.compile.cases_shared import steps
from tests.compile.harness import Case, mismatches
from tests.compile.on_core import differing_on_core

CORES = ("generic", "cortex-m0plus", "cortex-m4", "cortex-m55")
ELEMENT = {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "int32_t": 4, "uint32_t": 4, "int64_t": 8, "float": 4}
TOOLS = all(importlib.util.find_spec(name) for name in ("ziglang", "unicorn"))


def stored_bytes(code: CCode) -> int:
    """Bytes of the arrays in NAME_weights.c."""
    arrays = re.findall(r"const (\w+) \w+\[(\d+)\] =", code.files[f"{code.name}_weights.c"])
    return sum(ELEMENT[dtype] * int(count) for dtype, count in arrays)


def twins(count: int) -> bytes:
    """One filter over `count` images of different zero points."""
    b, rng = ModelBuilder(), np.random.default_rng(count)
    images = [b.tensor((1, 6, 5, 12), scale=0.02, zero_point=int(rng.integers(-128, 128))) for _ in range(count)]
    scales = filter_scales(rng, 40, True)
    w = b.constant(rng.integers(-127, 128, (40, 3, 3, 12)), "int8", scale=scales)
    ends = []
    for image in images:
        ends.append(b.tensor((1, 6, 5, 40), scale=output_scale(rng, 0.02, scales, 108), zero_point=-128))
        options = {"padding": "SAME", "strideH": 1, "strideW": 1, "fusedActivationFunction": "RELU"}
        bias = b.constant(rng.integers(-2000, 2000, 40), "int32", scale=scales * np.float32(0.02))
        b.operator("CONV_2D", [image, w, bias], ends[-1:], "Conv2DOptions", version=3, **options)
    return b.finish(images, ends)


@pytest.mark.parametrize("cpu", CORES)
@pytest.mark.parametrize("copies", [False, True])
def test_a_matrix_of_every_step_is_stored_once(cpu: str, copies: bool) -> None:
    """Of its own a step may keep a bias, multiplier and shift for each output, 12 bytes on vectors."""
    for inputs, outputs in ((64, 96), (61, 98), (12, 128)):
        code = compile_model(read_model(steps(9, inputs, outputs, copies)), "net", cpu)
        padded = -(-inputs // 16) * 16 * -(-outputs // 4) * 4 if cpu == "cortex-m55" else (inputs + 3) * (outputs + 3)
        assert stored_bytes(code) <= padded + 9 * 12 * (outputs + 15)


@pytest.mark.parametrize("cpu", CORES)
def test_a_filter_over_several_images_is_stored_once(cpu: str) -> None:
    code = compile_model(read_model(twins(6)), "net", cpu)
    assert stored_bytes(code) <= 1.1 * 40 * 108 + 6 * 12 * 48


@pytest.mark.parametrize(("inputs", "outputs"), [(64, 96), (61, 98), (4, 4), (1, 1), (3, 7), (8, 5), (700, 6)])
def test_steps_equal_the_reference(inputs: int, outputs: int) -> None:
    cases = [Case(f"copies: {copies}", steps(5, inputs, outputs, copies)) for copies in (False, True)]
    assert mismatches(cases, *CORES) == []


def test_twins_equal_the_reference() -> None:
    assert mismatches([Case("twins", twins(3))], *CORES) == []


def test_a_layer_with_weights_of_its_own_keeps_the_stream() -> None:
    assert compile_model(read_model(steps(1, 64, 96)), "net", "cortex-m4").kernels == ("ep_fully_connected_gemm",)
    assert compile_model(read_model(steps(2, 64, 96)), "net", "cortex-m4").kernels == ("ep_fully_connected_shared",)


@pytest.mark.skipif(not TOOLS, reason="ziglang and unicorn are not installed")
@pytest.mark.parametrize(("inputs", "outputs"), [(64, 96), (61, 98), (99, 21)])
def test_steps_on_a_core_equal_the_reference(inputs: int, outputs: int) -> None:
    code, differing = differing_on_core(steps(3, inputs, outputs), "cortex-m4", 5)
    assert code.kernels == ("ep_fully_connected_shared",)
    assert differing == 0
