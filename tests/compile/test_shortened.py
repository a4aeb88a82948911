"""Shorter constants of a layer give the same outputs, by TFLite's scalar arithmetic, for the accumulators that can occur."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.coding.frame import Table, encode_tables
from edgepack.compile.operators.shared.one_sided import SHIFT, fit, fits, half
from edgepack.compile.operators.shared.requantize import Requantization
from edgepack.compile.operators.shared.roundest import Ways, shortest
from edgepack.compile.operators.shared.shortened import shortened
from edgepack.compile.operators.shared.staircase import steps

REACH = 1 << 19  # of sums, both ways


def layer(seed: int, grid: int, out_zero: int, round_scales: bool = False, channels: int = 8) -> Requantization:
    """Channels whose outputs go all the way, or nearly, while their sums are multiples of `grid` beside the bias."""
    rng = np.random.default_rng(seed)
    multiplier = rng.integers(1 << 30, 1 << 31, channels)
    if round_scales:
        multiplier = (multiplier >> 20 | 1 << 10) << 20
    multiplier = np.minimum(multiplier + rng.integers(-9, 10, channels), (1 << 31) - 1).clip(1 << 30)
    bias = rng.integers(-REACH // 8, REACH // 8, channels)
    shift = np.full(channels, -int(np.log2(REACH / 150)), np.int8)
    span = REACH // grid * grid
    return Requantization(
        bias=bias,
        multiplier=multiplier.astype(np.int32),
        shift=shift,
        out_zero=out_zero,
        out_min=-128,
        out_max=127,
        least=bias - span,
        most=bias + span,
        constant=np.zeros(channels, bool),
        grid=np.full(channels, grid, np.int64),
    )


@pytest.mark.parametrize("round_scales", [False, True])
@pytest.mark.parametrize("grid", [1, 42, 127])
@pytest.mark.parametrize("out_zero", [-128, -7, 0, 127])
def test_outputs_stay(grid: int, out_zero: int, round_scales: bool) -> None:
    given = layer(grid + out_zero + 200, grid, out_zero, round_scales)
    found = shortened(given)
    for before, after in zip(given.channels(), found.channels(), strict=True):
        assert after.least - after.bias == before.least - before.bias
        near = (steps(before)[1] - before.bias)[:, None] // grid * grid + grid * np.arange(-1, 3)
        ends = [before.least - before.bias, before.most - before.bias]
        for total in [*ends, *near.reshape(-1).clip(*ends).tolist()]:
            assert after.output(total + after.bias) == before.output(total + before.bias)


def stored(requantization: Requantization) -> int:
    """Bytes of the constants in a code."""
    pairs = np.stack([requantization.bias.astype(np.int32), requantization.multiplier], axis=1)
    return len(encode_tables([Table(pairs.reshape(-1), 1, 0)]))


def test_multipliers_lose_what_scales_do_not_have() -> None:
    """Beside a scale of 11 bits rounding leaves a few units in a multiplier of 31."""
    given = layer(1, 1, 0, round_scales=True, channels=32)
    assert stored(shortened(given)) < 0.8 * stored(given)


def test_weights_on_a_grid_leave_constants_free() -> None:
    """Sums are 127 apart, so that multiplier and bias have seven bits more to choose from."""
    given, free = layer(2, 1, -128, channels=32), layer(2, 127, -128, channels=32)
    assert stored(shortened(free)) < 0.85 * stored(shortened(given))
    assert stored(shortened(given)) < stored(given)


def test_one_multiplier_for_all_channels_stays_one() -> None:
    given = layer(3, 1, -128)
    given = Requantization(**{**vars(given), "multiplier": given.multiplier[:1], "shift": given.shift[:1]})
    found = shortened(given)
    assert found.multiplier.size == 1
    for before, after in zip(given.channels(), found.channels(), strict=True):
        assert np.array_equal(steps(after)[1] - after.bias, steps(before)[1] - before.bias)


def test_a_part_of_a_layer_has_the_constants_of_the_whole() -> None:
    given = shortened(layer(4, 127, -128, channels=12))
    whole = fits(given, 8, even=4, halved=True)
    assert None not in whole
    assert fits(given.part(4, 12), 8, even=4, halved=True) == whole[4:]
    assert fits(given.part(4, 12).part(4, 8), 8, even=4, halved=True) == whole[8:]


def test_half_is_what_a_bias_has_beside_its_own() -> None:
    """Of a multiplier that ends in zeros the one-sided bias is 256 times TFLite's, less the zero point and the roundings."""
    for channel in shortened(layer(5, 127, -128, round_scales=True)).channels():
        found = fit(channel, 8)
        assert found is not None
        bias, multiplier = found
        assert abs(bias + half(multiplier, 8, SHIFT) - 256 * channel.bias) <= 256 * 127


def trailing(number: int) -> int:
    """Zeros at the end of a number of 31 bits."""
    return (number & -number).bit_length() - 1 if number else 30


def able(ways: Ways, way: int, bits: int) -> bool:
    """Whether a multiple of 2^bits is between the least and the largest bias of each channel."""
    rows = zip(ways.least[way].tolist(), ways.most[way].tolist(), strict=True)
    return all(most >> bits << bits >= least for least, most in rows)


@pytest.mark.parametrize("seed", range(20))
def test_all_channels_end_in_as_many_zeros_as_they_can(seed: int) -> None:
    """Every way of each tried one by one, for layers in which no channel profits from ending otherwise."""
    rng, layer, possible = np.random.default_rng(seed), [], []
    for _ in range(6):
        count, channels = int(rng.integers(1, 30)), int(rng.choice([1, 1, 3]))
        multipliers = rng.integers(1 << 30, 1 << 31, count) >> 12 << rng.integers(10, 13, count)
        least = rng.integers(-(1 << 24), 1 << 24, (count, channels))
        ways = Ways(multipliers, least, least + rng.integers(1 << 8, 1 << 14, least.shape), np.zeros(count, np.int64))
        layer.append(ways)
        ends = [(trailing(each), way) for way, each in enumerate(multipliers.tolist())]
        possible.append({(a, b) for most, way in ends for a in range(most + 1) for b in range(31) if able(ways, way, b)})
    found = shortest(layer)
    for ways, (multiplier, biases) in zip(layer, found, strict=True):
        same = ways.multipliers == multiplier
        assert ((ways.least[same] <= biases) & (biases <= ways.most[same])).all(axis=1).any()
    zeros = (min(trailing(each) for each, _ in found), min(trailing(bias) for _, biases in found for bias in biases))
    assert sum(zeros) >= max(a + b for a, b in set.intersection(*possible))
