"""Quantising as TFLite does, compared with the converter's own rule computed exactly in fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from edgepack.runners import dequantize, quantize


def _exact(value: np.float32, scale: np.float32, zero_point: int) -> int:
    ratio = Fraction(float(np.float32(value) / np.float32(scale)))
    half = Fraction(1, 2)
    rounded = int(ratio + half) if ratio >= 0 else -int(-ratio + half)
    return max(-128, min(127, rounded + zero_point))


def test_rounding_is_half_away_from_zero_and_clamped() -> None:
    values = np.array([0.5, -0.5, 1.5, 2.5, -2.5, 0.49999997, -0.49999997, 1e9, -1e9], np.float32)
    assert quantize(values, 1.0, 0, "int8").tolist() == [1, -1, 2, 3, -3, 0, 0, 127, -128]


def test_it_agrees_with_exact_arithmetic() -> None:
    generator = np.random.default_rng(3)
    values = generator.normal(0, 2, 2000).astype(np.float32)
    scale = np.float32(0.0371)
    assert quantize(values, float(scale), -5, "int8").tolist() == [_exact(value, scale, -5) for value in values]


def test_real_values_come_back_within_half_a_step() -> None:
    values = np.linspace(-1, 1, 101, dtype=np.float32)
    back = dequantize(quantize(values, 0.01, 3, "int16"), 0.01, 3)
    assert np.abs(back - values).max() <= 0.00501 and back.dtype == np.float32


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_float_tensors_are_left_alone(dtype: str) -> None:
    values = np.array([1.25, -2.5], np.float32)
    assert quantize(values, 0.0, 0, dtype).tolist() == [1.25, -2.5]
    assert dequantize(values, 0.0, 0).tolist() == [1.25, -2.5]
