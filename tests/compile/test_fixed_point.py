"""The C arithmetic and its Python twin follow gemmlowp's definitions."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from edgepack.compile.kernels import include_folders
from edgepack.compile.quantize import activation_range, multiply_by_quantized_multiplier, quantize_multiplier, round_half_away


def test_requantisation_in_c_follows_the_definition(tmp_path: Path) -> None:
    program = tmp_path / "check"
    source = Path(__file__).parent / "fixed_point_check.c"
    includes = [f"-I{folder}" for folder in include_folders()]
    subprocess.run(["gcc", "-O2", "-std=c99", "-Wall", "-Wextra", *includes, source, "-o", program], check=True)
    assert subprocess.run([program], capture_output=True, text=True).stdout.strip() == "0"


def test_the_multiplier_is_within_half_a_unit_of_the_real() -> None:
    rng = np.random.default_rng(5)
    for real in np.exp(rng.uniform(np.log(1e-8), np.log(100), 2000)):
        multiplier, shift = quantize_multiplier(float(real))
        assert 1 << 30 <= multiplier < 1 << 31
        assert abs(multiplier * 2.0 ** (shift - 31) - real) <= 2.0 ** (shift - 32)


def test_multipliers_at_the_ends_of_their_range() -> None:
    assert quantize_multiplier(0.0) == (0, 0)
    assert quantize_multiplier(2.0**-40) == (0, 0)  # TFLite flushes what would shift every bit out
    assert quantize_multiplier(1.0 - 2.0**-53) == (1 << 30, 1)  # rounds up to 1.0


def test_python_requantises_as_exact_rational_arithmetic_rounded_twice() -> None:
    rng = np.random.default_rng(7)
    for _ in range(3000):
        x = int(rng.integers(-(1 << 31), 1 << 31))
        multiplier, right = int(rng.integers(1 << 30, 1 << 31)), int(rng.integers(0, 31))
        once = (2 * x * multiplier + (1 << 31)) // (1 << 32)
        twice = (abs(once) * 2 + (1 << right)) // (2 << right) if right else abs(once)
        assert multiply_by_quantized_multiplier(x, multiplier, -right) == (twice if once >= 0 else -twice)


def test_activation_ranges() -> None:
    assert activation_range("NONE", "int8", 0.1, 3) == (-128, 127)
    assert activation_range("RELU", "int8", 0.1, 3) == (3, 127)
    assert activation_range("RELU6", "int8", 0.1, -128) == (-128, -68)
    assert activation_range("RELU_N1_TO_1", "int16", 0.001, 0) == (-1000, 1000)


def test_halves_round_away_from_zero() -> None:
    assert [round_half_away(x) for x in (0.5, -0.5, 1.5, -2.5, 0.49999999999999994)] == [1, -1, 2, -3, 0]
