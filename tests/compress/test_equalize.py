"""Equalisation changes no result and helps int8; bias correction takes away what rounding shifts on average."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.compress import Quantization, compress
from edgepack.compress.keras.kernels import kernels
from edgepack.compress.quantization.int8 import int8_codes
from edgepack.compress.steps.bias_correction import channel_means, quantized_copy
from edgepack.compress.steps.equalize import find_pairs
from edgepack.compress.work import Work
from edgepack.convert import convert
from edgepack.ground.cache import Cache
from edgepack.ground.progress import SilentProgress
from edgepack.metrics import Metric
from tests.convert.runtime import run

from .small import digits, digits_net, fresh, noise, recipe, source_of
from .test_fit import Recorder

RNG = np.random.default_rng(0)
SHAPE = (12, 12, 3)


def mobile(bound: float | None = None, uneven: bool = True) -> Any:
    """Blocks as in MobileNet, with BatchNorm. `uneven`: channels scaled a thousandfold, and what reads them the other way."""
    keras = fresh(2)
    layers = keras.layers
    start = keras.Input(SHAPE)
    x = layers.Conv2D(8, 3, use_bias=False, name="stem")(start)
    for block in range(2):
        x = layers.ReLU(bound, name=f"relu{block}")(layers.BatchNormalization(name=f"norm{block}")(x))
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"depthwise{block}")(x)
        x = layers.ReLU(bound)(layers.BatchNormalization()(x))
        x = layers.Conv2D(12, 1, use_bias=False, name=f"pointwise{block}")(x)
    x = layers.ReLU(bound)(layers.BatchNormalization()(x))
    x = layers.Flatten()(layers.MaxPooling2D()(x))
    x = layers.Dense(16, activation="relu", name="hidden")(x)
    model = keras.Model(start, layers.Dense(5, name="head")(x))
    norms = [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    for norm, name in zip(norms, ("depthwise0", "pointwise0", "depthwise1", "pointwise1"), strict=False):
        scale = 10 ** RNG.uniform(-1.5, 1.5, norm.gamma.shape[0]) if uneven else 1.0
        norm.gamma.assign(norm.gamma * scale)
        norm.beta.assign(RNG.normal(size=norm.beta.shape) * 0.3 * scale)
        (kernel,) = model.get_layer(name).get_weights()
        model.get_layer(name).set_weights([kernel / (np.ones(kernel.shape[-2]) * scale)[:, None]])
    return model


def applied(model: Any, step: str, data: Any = None, **options: Any) -> tuple[Any, Work]:
    (first, _) = recipe({"step": step, **options}, {"step": "quantize"})
    work = Work(data or noise((SHAPE,), 5, count=200), Recorder())
    return first.apply(model, work), work


def test_the_results_stay_the_same_and_both_ranges_of_a_channel_agree() -> None:
    model = mobile()
    x = RNG.normal(size=(16, *SHAPE)).astype(np.float32)
    wanted = np.asarray(model(x))
    even, work = applied(model, "equalize")
    np.testing.assert_allclose(even(x), wanted, atol=1e-4 * np.abs(wanted).max())
    first = np.abs(even.get_layer("depthwise0").get_weights()[0][..., 0]).max(axis=(0, 1))
    second = np.abs(even.get_layer("pointwise0").get_weights()[0]).max(axis=(0, 1, 3))
    np.testing.assert_allclose(first, second, rtol=0.01)
    assert "stem with depthwise0" in work.notes[0]


def test_pairs_end_where_something_else_reads_or_bends_a_channel() -> None:
    keras = fresh(0)
    layers = keras.layers
    start = keras.Input(SHAPE)
    a = layers.Conv2D(4, 3, padding="same", activation="relu", name="a")(start)
    b = layers.Conv2D(4, 3, padding="same", activation="relu", name="b")(a)
    c = layers.Conv2D(4, 3, padding="same", name="c")(b)
    x = layers.Add()([b, c])
    x = layers.Conv2D(4, 3, activation="sigmoid", name="d")(x)
    x = layers.Conv2D(4, 3, activation="relu6", name="e")(x)
    x = layers.Conv2D(4, 3, activation="relu", name="f")(x)
    model = keras.Model(start, layers.Dense(2, name="g")(layers.GlobalAveragePooling2D()(x)))
    pairs, bounded = find_pairs(model)
    assert [(pair.first, pair.second) for pair in pairs] == [("a", "b"), ("f", "g")]
    assert bounded == ["e"]


def test_a_relu6_is_left_with_a_note_or_made_a_relu() -> None:
    same, work = applied(mobile(6.0, uneven=False), "equalize")
    assert any("ReLU6 has a fixed bound" in note for note in work.notes)
    assert same.get_layer("relu0").max_value == 6.0
    opened, work = applied(mobile(6.0, uneven=False), "equalize", relu6="relu")
    assert opened.get_layer("relu0").max_value is None
    assert any("ReLU6 made a ReLU" in note for note in work.notes)


def test_the_int8_file_of_a_model_with_uneven_channels_becomes_better(tmp_path: Path, accuracy: Metric) -> None:
    model = mobile()
    data = noise((SHAPE,), 5, count=400)
    source = source_of(model, tmp_path / "source")
    x = data.test.inputs[0][:40]
    wanted = np.asarray(model(x))
    errors = {}
    for name, steps in (("plain", ()), ("equalized", ({"step": "equalize"},))):
        checked = recipe(*steps, {"step": "quantize", "aware": False})
        compressed = compress(source, data, checked, accuracy, Cache(tmp_path / "cache"), SilentProgress())
        assert compressed.quantization == Quantization("int8", False)
        file = convert(compressed, data, Cache(tmp_path / "cache"), SilentProgress()).file
        errors[name] = float(np.mean((run(file, x)[0] - wanted) ** 2))
    assert errors["equalized"] < errors["plain"] / 2


def test_a_quantized_copy_has_the_weights_that_the_codes_stand_for() -> None:
    model = mobile()
    for ours, rounded in zip(kernels(model), kernels(quantized_copy(model)), strict=True):
        np.testing.assert_array_equal(
            int8_codes(ours.kind, ours.name, ours.values), int8_codes(rounded.kind, rounded.name, rounded.values)
        )
        assert 0 < np.abs(ours.values - rounded.values).max() <= np.abs(ours.values).max() / 127 / 2 * 1.001


@pytest.mark.parametrize("name", ["stem", "pointwise1", "hidden", "head"])
def test_no_channel_is_shifted_on_average_after_the_correction(name: str, shifted: Any) -> None:
    model, corrected, data = shifted
    wanted = channel_means(model, name, data.train)
    before = np.abs(channel_means(quantized_copy(model), name, data.train) - wanted).max()
    if name in ("hidden", "head"):  # the others are corrected in their BatchNorm, which comes after
        after = np.abs(channel_means(quantized_copy(corrected), name, data.train) - wanted).max()
        assert after < before / 100
    assert before > 0


def test_the_final_outputs_mean_is_right_again(shifted: Any) -> None:
    model, corrected, data = shifted
    x = data.train.inputs[0]
    error = [
        np.abs(np.asarray(quantized_copy(net)(x)).mean(axis=0) - np.asarray(model(x)).mean(axis=0)).max()
        for net in (model, corrected)
    ]
    assert error[1] < error[0] / 100


@pytest.fixture(scope="module")
def shifted() -> Any:
    data = noise((SHAPE,), 5, count=128)
    model = mobile()
    corrected, _ = applied(model, "bias_correction", data, examples=64)
    return model, corrected, data


def test_activations_inside_of_a_layer_come_after_the_means() -> None:
    keras = fresh(0)
    start = keras.Input((3,))
    model = keras.Model(start, keras.layers.Dense(4, activation="relu", name="hidden")(start))
    split = noise(((3,),), 2).train
    by_hand = (split.inputs[0] @ model.get_weights()[0]).mean(axis=0)
    np.testing.assert_allclose(channel_means(model, "hidden", split), by_hand, atol=1e-5)
    assert model.get_layer("hidden").activation.__name__ == "relu"


def test_zeros_stay_zeros() -> None:
    model = digits_net()
    for kernel in kernels(model):
        kernel.variable.assign(kernel.values * (np.abs(kernel.values) > np.median(np.abs(kernel.values))))
    zeros = sum(int((kernel.values == 0).sum()) for kernel in kernels(model))
    for step in ("equalize", "bias_correction"):
        after, _ = applied(model, step, digits())
        assert sum(int((kernel.values == 0).sum()) for kernel in kernels(after)) == zeros > 0
