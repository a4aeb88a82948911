"""Searched constants give TFLite's results, by its scalar arithmetic, at every step and on random values."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compile.graph import build_graph
from edgepack.compile.operators.add.products import BYTES, DSP_DROPPED, DSP_SHIFT, products
from edgepack.compile.operators.shared.one_sided import SHIFT, fit
from edgepack.compile.operators.shared.staircase import Channel, slopes, steps
from edgepack.compile.operators.site import Site
from edgepack.compile.operators.table import OPERATORS
from edgepack.compile.quantize import multiply_by_quantized_multiplier, quantize_multiplier
from edgepack.flatbuffer import read_model
from tests.compile.cases_assembly import assembly_add


def relu(bias: int, multiplier: int, shift: int, reach: int = 1 << 18) -> Channel:
    return Channel(bias, multiplier, shift, -128, -128, 127, bias - reach, bias + reach)


def clamped(accumulator: int, multiplier: int, shift: int) -> int:
    return max(-128, min(127, multiply_by_quantized_multiplier(accumulator, multiplier, shift) - 128))


@pytest.mark.parametrize("shift", range(-12, 0))
def test_steps_are_where_the_reference_has_them(shift: int) -> None:
    multiplier = (1 << 30) + 12345 * shift * shift
    lowest, firsts = steps(relu(0, multiplier, shift, 1 << 21))
    assert lowest == -128
    for output, first in zip(range(-127, 128), firsts.tolist(), strict=True):
        assert clamped(first, multiplier, shift) == output
        assert clamped(first - 1, multiplier, shift) == output - 1


@pytest.mark.parametrize("after", [9, SHIFT])
@pytest.mark.parametrize("scale", [8, 10, 12])
def test_one_multiplication_equals_both_roundings_and_the_clamp(scale: int, after: int) -> None:
    rng = np.random.default_rng(scale)
    found = 0
    for _ in range(60):
        multiplier, shift = quantize_multiplier(float(np.exp(rng.uniform(np.log(2**-11), np.log(2**-4)))))
        bias = int(rng.integers(-30000, 30000))
        channel = relu(bias, multiplier, shift)
        constants = fit(channel, scale, after)
        if constants is None:
            continue
        found += 1
        near_steps = (steps(channel)[1] - bias)[:, None] + np.arange(-2, 2)
        for accumulator in [*near_steps.ravel().tolist(), *rng.integers(-(1 << 18), 1 << 18, 300).tolist()]:
            scaled = ((accumulator << scale) + constants[0]) * constants[1] >> (32 + after)
            assert max(-128, min(127, scaled)) == clamped(accumulator + bias, multiplier, shift)
    assert found > (50 if scale == 8 else 25)  # coarser scales leave longer multipliers


@pytest.mark.parametrize("grid", [1, 7, 127])
@pytest.mark.parametrize("reach", [1 << 9, 1 << 18])
def test_no_multiplier_beyond_the_slopes_has_a_bias(grid: int, reach: int) -> None:
    """What is not looked at because of them would not do, by all steps in integers; and that is most of what is not near."""
    rng, after, scale = np.random.default_rng(grid * reach), 10, 8
    for _ in range(20):
        multiplier, shift = quantize_multiplier(float(np.exp(rng.uniform(np.log(2**-11), np.log(2**-4)))))
        bias = int(rng.integers(-reach, reach))
        channel = Channel(
            bias, multiplier, shift, -128, -128, 127, bias - reach // grid * grid, bias + reach // grid * grid, grid
        )
        lowest, firsts = steps(channel)
        now = channel.occurring(firsts)
        low, high = (slope * 2.0 ** (32 + after - scale) for slope in slopes(np.arange(firsts.size), now, grid))
        ideal = multiplier * 2.0 ** (1 + after - scale + shift)
        targets = [(lowest + 1 + step) << (32 + after) for step in range(firsts.size)]
        tried = np.unique((ideal * np.concatenate([1 + rng.normal(0, 1e-4, 100), rng.uniform(0.9, 1.1, 100)])).astype(np.int64))
        for each in tried.tolist():
            least = [-(-target // each) - (first << scale) for target, first in zip(targets, now.tolist(), strict=True)]
            if not least or max(least) < min(least) + (grid << scale):
                assert low < each < high
        if firsts.size > 200 and grid == 1:
            assert 0.995 * ideal < low < ideal < high < 1.005 * ideal


def test_sums_of_products_equal_the_references_for_all_bytes() -> None:
    checked = 0
    for seed in range(3):
        graph = build_graph(read_model(assembly_add(np.random.default_rng(seed))))
        for node in graph.nodes:
            add = OPERATORS["ADD"].describe(Site(node, graph))
            constants = products(add, DSP_SHIFT, DSP_DROPPED)
            if constants is None:
                continue
            first, second, offset = constants
            numbers = {name: int(str(value)) for name, value in add.fields.items()}

            def scaled(x: int, operand: str, numbers: dict[str, int] = numbers) -> int:
                shifted = (x - numbers[f"zero_{operand}"]) << 20
                return multiply_by_quantized_multiplier(shifted, numbers[f"multiplier_{operand}"], numbers[f"shift_{operand}"])

            for a in BYTES[::5].tolist():
                for b in BYTES[::3].tolist():
                    total = multiply_by_quantized_multiplier(
                        scaled(a, "1") + scaled(b, "2"), numbers["out_multiplier"], numbers["out_shift"]
                    )
                    want = max(numbers["out_min"], min(numbers["out_max"], total + numbers["out_zero"]))
                    got = (offset + (first * a >> DSP_DROPPED) + (second * b >> DSP_DROPPED)) >> DSP_SHIFT
                    assert max(numbers["out_min"], min(numbers["out_max"], got)) == want
            checked += 1
    assert checked > 6
