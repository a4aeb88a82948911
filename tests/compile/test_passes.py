"""Passes do their work where it is exact and leave alone what only looks alike."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from tests.compile.builder import ModelBuilder
from tests.compile.harness import Case, assert_exact


def padded_with(fill: int | list[int], dtype: str = "int8") -> bytes:
    """PADV2 with this fill, zero point 5, before a VALID convolution."""
    b, rng = ModelBuilder(), np.random.default_rng(1)
    x, padded = (b.tensor(shape, scale=0.1, zero_point=5) for shape in ((1, 4, 5, 3), (1, 6, 7, 3)))
    y = b.tensor((1, 4, 5, 2), scale=0.3)
    margins = b.constant(np.array([[0, 0], [1, 1], [2, 0], [0, 0]]))
    b.operator(
        "PADV2", [x, margins, b.constant(np.array(fill), dtype, scale=0.1, zero_point=5)], [padded], "PadV2Options", version=2
    )
    w = b.constant(rng.integers(-127, 128, (2, 3, 3, 3)), "int8", scale=0.01)
    bias = b.constant(rng.integers(-900, 900, 2), "int32", scale=0.001)
    b.operator("CONV_2D", [padded, w, bias], [y], "Conv2DOptions", version=3, padding="VALID", strideH=1, strideW=1)
    return b.finish([x], [y])


@pytest.mark.parametrize(("fill", "operators"), [([5], ["CONV_2D"]), ([-128], ["PADV2", "CONV_2D"]), ([6], ["PADV2", "CONV_2D"])])
def test_a_margin_is_fused_when_it_holds_the_zero_point(fill: list[int], operators: list[str]) -> None:
    model = padded_with(fill)
    assert [layer.op for layer in compile_model(read_model(model), "m").layers] == operators
    assert_exact([Case(f"filled with {fill}", model)])


def test_a_quantized_constant_that_is_requantized_is_not_taken_for_floats() -> None:
    b, rng = ModelBuilder(), np.random.default_rng(2)
    x, y = b.tensor((1, 40), scale=0.05, zero_point=3), b.tensor((1, 40), scale=0.08, zero_point=-7)
    constant = b.constant(rng.integers(-128, 128, (1, 40)), "int8", scale=0.02, zero_point=11)
    rescaled = b.tensor((1, 40), scale=0.045, zero_point=-20)
    b.operator("QUANTIZE", [constant], [rescaled], "QuantizeOptions", version=2)
    b.operator("ADD", [x, rescaled], [y], "AddOptions", version=2)
    assert_exact([Case("requantized constant", b.finish([x], [y]))])


def test_a_float_constant_is_stored_as_the_reference_quantizes_it() -> None:
    """Halves are rounded away from zero, ends are clamped."""
    b = ModelBuilder()
    halves = (np.arange(-140, 140).reshape(1, 280) + 0.5) * 0.25
    x, y = b.tensor((1, 280), scale=0.25, zero_point=3), b.tensor((1, 280), scale=0.4, zero_point=-7)
    stored = b.tensor((1, 280), scale=0.25, zero_point=-20)
    b.operator("QUANTIZE", [b.constant(halves, "float32")], [stored], "QuantizeOptions", version=2)
    b.operator("ADD", [x, stored], [y], "AddOptions", version=2)
    assert_exact([Case("float constant", b.finish([x], [y]))])
