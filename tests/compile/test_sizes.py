"""The type of sizes in the kernels' structs: 16 bits, but for larger ones and for speed."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from tests.compile.builder import ModelBuilder
from tests.compile.harness import Case, mismatches


def pointwise(width: int) -> bytes:
    """A 1x1 convolution of one row of so many pixels."""
    b, rng = ModelBuilder(), np.random.default_rng(width)
    x = b.tensor((1, 1, width, 4), scale=0.02)
    w = b.constant(rng.integers(-127, 128, (4, 1, 1, 4)), "int8", scale=np.full(4, 0.01, np.float32), axis=0)
    bias = b.constant(rng.integers(-500, 500, 4), "int32", scale=np.full(4, 0.0002, np.float32))
    y = b.tensor((1, 1, width, 4), scale=0.05, zero_point=3)
    b.operator("CONV_2D", [x, w, bias], [y], "Conv2DOptions", version=3, padding="SAME", strideH=1, strideW=1)
    return b.finish([x], [y])


@pytest.mark.parametrize("cpu", ["generic", "cortex-m0plus", "cortex-m4", "cortex-m55"])
def test_sizes_have_32_bits_where_one_needs_them_and_for_speed(cpu: str) -> None:
    def defined(width: int, optimize: str) -> bool:
        code = compile_model(read_model(pointwise(width)), "net", cpu, optimize)
        return "#define EP_SIZE int32_t" in code.files["net.c"]

    for optimize in ("balanced", "size"):
        assert not defined(8000, optimize)
        assert defined(1 << 15, optimize)
    assert defined(8000, "speed")


def test_sizes_beyond_16_bits_give_the_reference_s_bytes() -> None:
    cases = [Case(f"{width} pixels", pointwise(width)) for width in (100, (1 << 15) - 1, (1 << 15) + 3)]
    assert mismatches(cases, "generic", "cortex-m0plus", "cortex-m4", "cortex-m55") == []
