"""The step table's figures agree with counts made by hand or by others."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

from edgepack.compress.figures import Figures, figures
from edgepack.compress.keras.kernels import kernels
from edgepack.compress.quantization.int8 import channels_first, int8_codes, most_distinct
from edgepack.sources import import_tf_keras

from .conftest import Walk
from .small import digits_net, fresh


def test_parameters_are_those_keras_counts() -> None:
    model = digits_net()
    found = figures(model)
    assert found.parameters == model.count_params()
    assert found.float_bytes == 4 * model.count_params()


def test_quantization_wrappers_add_no_parameters_and_no_macs(walk: Walk) -> None:
    rows = walk.compressed.steps
    assert rows[2].parameters == rows[0].parameters == digits_net().count_params()
    assert rows[2].macs == rows[0].macs


def test_a_layer_s_bound_is_scipy_s_entropy_of_its_codes() -> None:
    model = digits_net()
    for layer in figures(model).layers:
        kernel = next(one for one in kernels(model) if one.layer == layer.layer)
        counts = np.unique(int8_codes(kernel.kind, kernel.name, kernel.values), return_counts=True)[1]
        assert layer.entropy_bytes == math.ceil(layer.weights * scipy.stats.entropy(counts, base=2) / 8)


def test_figures_stored_before_there_were_bounds_are_read() -> None:
    stored = figures(digits_net()).to_json()
    for layer in stored["layers"]:
        del layer["entropy_bytes"]
    assert {layer.entropy_bytes for layer in Figures.from_json(stored).layers} == {None}


def test_sizes_of_the_digits_net_by_hand() -> None:
    found = figures(digits_net())
    kernels = 3 * 3 * 12 + 3 * 3 * 12 + 12 * 16 + 144 * 10
    biases = 12 + 12 + 16 + 10  # three folded from BatchNorm
    assert found.int8_bytes == kernels + 4 * biases
    assert found.macs == 36 * 9 * 12 + 36 * 9 * 12 + 36 * 12 * 16 + 1440
    assert found.deflated_bytes > kernels * 0.8


def test_resnet8_has_the_macs_that_mlperf_tiny_publishes(shared_models: Path) -> None:
    model = import_tf_keras().models.load_model(shared_models / "pretrainedResnet.h5", compile=False)
    found = figures(model)
    assert found.parameters == 78_666
    assert found.macs == pytest.approx(12.5e6, rel=0.01)


@pytest.mark.parametrize(
    ("build", "shape", "macs"),
    [
        (lambda k: k.layers.Conv1D(4, 3, padding="same"), (10, 2), 10 * 3 * 2 * 4),
        (lambda k: k.layers.Conv2D(4, 3, strides=2, padding="same"), (8, 6, 2), 4 * 3 * 9 * 2 * 4),
        (lambda k: k.layers.Conv2D(4, 3, groups=2, padding="same"), (8, 6, 2), 8 * 6 * 9 * 1 * 4),
        (lambda k: k.layers.Conv2DTranspose(4, 2, strides=2), (3, 3, 2), 9 * 4 * 2 * 4),
        (lambda k: k.layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), (4, 4, 3), 16 * 9 * 6),
        (lambda k: k.layers.SeparableConv2D(5, 3, padding="same"), (4, 4, 3), 16 * (9 * 3 + 3 * 5)),
        (lambda k: k.layers.Dense(7), (5, 3), 5 * 3 * 7),
        (lambda k: k.layers.LSTM(4), (6, 3), 6 * (3 * 16 + 4 * 16)),
        (lambda k: k.layers.GRU(4), (6, 3), 6 * (3 * 12 + 4 * 12)),
        (lambda k: k.layers.BatchNormalization(), (4, 4, 3), 0),
    ],
)
def test_multiply_accumulates_by_hand(build: Any, shape: tuple[int, ...], macs: int) -> None:
    keras = fresh(0)
    start = keras.Input(shape)
    assert figures(keras.Model(start, build(keras)(start))).macs == macs


def test_a_layer_used_twice_counts_twice_in_macs_and_once_in_parameters() -> None:
    keras = fresh(0)
    a, b = keras.Input((8,)), keras.Input((8,))
    shared = keras.layers.Dense(4)
    found = figures(keras.Model([a, b], keras.layers.Add()([shared(a), shared(b)])))
    assert (found.macs, found.parameters) == (64, 36)


def test_zeros_and_layers_are_listed_by_keras_name(walk: Walk) -> None:
    layers = {layer.layer: (layer.weights, layer.zeros) for layer in walk.compressed.steps[2].layers}
    assert layers == {"stem": (108, 54), "depthwise": (108, 54), "pointwise": (192, 96), "head": (1440, 720)}


def test_pruning_makes_the_deflated_size_smaller_and_only_that(walk: Walk) -> None:
    before, after = walk.compressed.steps[:2]
    assert after.int8_bytes == before.int8_bytes and after.deflated_bytes < 0.85 * before.deflated_bytes


def test_codes_are_the_weights_within_half_a_step() -> None:
    values = np.random.default_rng(0).normal(size=(3, 3, 4, 5)).astype(np.float32)
    codes = int8_codes("Conv2D", "kernel", values).astype(np.float64)
    rows = channels_first("Conv2D", "kernel", values)
    scales = np.abs(rows).max(axis=1) / 127
    assert np.all(np.abs(codes * scales[:, None] - rows) <= scales[:, None] * 0.5001)
    assert np.all(np.abs(codes).max(axis=1) == 127)


def test_rows_are_output_channels_in_the_order_of_tflite() -> None:
    values = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    np.testing.assert_array_equal(channels_first("Conv2D", "kernel", values)[1].reshape(2, 3, 4), values[..., 1])
    np.testing.assert_array_equal(channels_first("Conv2DTranspose", "kernel", values)[3].reshape(2, 3, 5), values[:, :, 3])
    depthwise = channels_first("DepthwiseConv2D", "depthwise_kernel", values)
    np.testing.assert_array_equal(depthwise[7].reshape(2, 3), values[:, :, 1, 2])


def test_distinct_counts_the_codes_of_one_channel() -> None:
    rows = np.array([[0, 0, 1, 1, 2], [5, 5, 5, 5, 5]], dtype=np.int8)
    assert most_distinct(rows) == 3
