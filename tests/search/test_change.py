"""Weights of a file are changed as asked, and what it computes is what the changed weights say."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compress.quantization.lowbit import GRIDS, best_scales, round_to
from edgepack.flatbuffer import read_model
from edgepack.search.change import changed, changed_rows
from edgepack.search.choices import Level, Stored
from tests.compile.builder import ModelBuilder

DRAW = np.random.default_rng(1)
CODES = DRAW.integers(-127, 128, (8, 3, 3, 4)).astype(np.int8)
CODES[:, 0, 0, 0] = 127
BIASES = DRAW.integers(-3000, 3000, 8).astype(np.int32)
SCALES = DRAW.uniform(0.001, 0.01, 8)
LARGEST = {"conv": [list(DRAW.uniform(0.5, 2, 8))]}


@pytest.fixture(scope="module")
def content() -> bytes:
    """A convolution with a scale for each of its 8 output channels."""
    builder = ModelBuilder()
    start = builder.tensor((1, 6, 6, 4), scale=0.05, name="input")
    end = builder.tensor((1, 4, 4, 8), scale=0.5, name="conv/BiasAdd")
    weights = builder.tensor(CODES.shape, scale=list(SCALES), data=CODES, name="model/conv/Conv2D")
    biases = builder.tensor((8,), "int32", scale=list(SCALES * 0.05), data=BIASES, name="model/conv/BiasAdd")
    builder.operator(
        "CONV_2D", [start, weights, biases], [end], "Conv2DOptions", strideH=1, strideW=1, padding=1, dilationHFactor=1,
        dilationWFactor=1,
    )  # fmt: skip
    return bytes(builder.finish([start], [end]))


def real(content: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The weights' codes by channel, and weights and biases as real numbers."""
    tensors = {tensor.name: tensor for tensor in read_model(content).subgraphs[0].tensors}
    weights, biases = tensors["model/conv/Conv2D"], tensors["model/conv/BiasAdd"]
    codes = np.asarray(weights.data).reshape(8, -1).astype(np.int64)
    return codes, codes * np.reshape(weights.quantization.scales, (-1, 1)), biases.data * np.array(biases.quantization.scales)


def test_the_smallest_weights_become_zero_and_nothing_else_changes(content: bytes) -> None:
    codes, _, biases = real(changed(content, {"conv": Stored(0.75)}, Level(), LARGEST))
    before, _, biases_before = real(content)
    kept = codes != 0
    assert (codes == 0).sum() == pytest.approx(0.75 * codes.size, abs=int((before == 0).sum()) + 1)
    assert np.array_equal(codes[kept], before[kept]) and np.array_equal(biases, biases_before)
    keras = np.abs(before) * np.reshape(LARGEST["conv"][0], (-1, 1))  # what is small is decided before BatchNorm scales it
    assert keras[kept].min() >= keras[~kept].max() * (1 - 1e-6)


@pytest.mark.parametrize(("weights", "most"), [("ternary", 3), ("int4", 15)])
def test_few_bits_leave_few_codes_and_the_best_weights_that_these_can_say(content: bytes, weights: str, most: int) -> None:
    codes, values, biases = real(changed(content, {"conv": Stored(0.0, True)}, Level(weights=weights), LARGEST))
    _, before, biases_before = real(content)
    assert len(np.unique(codes)) <= most and np.abs(codes).max() > 120
    rows = before.astype(np.float32)
    assert np.allclose(values, round_to(rows, best_scales(rows, GRIDS[weights]), GRIDS[weights]), atol=1e-5)
    assert np.allclose(biases, biases_before, atol=np.max(SCALES) * 0.05 * 60)


def test_shared_weights_are_few_over_the_whole_kernel(content: bytes) -> None:
    codes, values, biases = real(changed(content, {"conv": Stored(0.5, True)}, Level(clusters=8), LARGEST))
    _, before, biases_before = real(content)
    assert len(np.unique(codes)) <= 8 and (codes == 0).mean() >= 0.49
    assert np.abs(values - before)[codes != 0].mean() < 0.3 * np.abs(before).mean()
    assert np.allclose(biases, biases_before, rtol=0.05, atol=0.01)


def test_a_file_without_changes_keeps_all_its_weights(content: bytes) -> None:
    assert np.array_equal(real(changed(content, {"other": Stored(0.5)}, Level(), {}))[0], real(content)[0])


def test_zeros_stay_zero_when_weights_are_shared_or_rounded() -> None:
    rows = DRAW.normal(size=(6, 40)).astype(np.float32)
    for level in (Level(clusters=8), Level(weights="int4"), Level(weights="ternary")):
        assert (changed_rows(rows, Stored(0.7, True), level) == 0).mean() >= 0.7
