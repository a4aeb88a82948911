"""Removing channels is exact: what is left computes what the model computes when nobody reads the removed channels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgepack.compress.keras.graph import flat_model
from edgepack.compress.structured.channel_groups import ChannelMap
from edgepack.compress.structured.channel_map import map_channels
from edgepack.compress.structured.surgery import remove_channels

from .channel_models import blind, random_network, shaken
from .small import fresh


def cut(model: Any, share: float = 0.4, seed: int = 0) -> tuple[Any, ChannelMap, Any]:
    """`model` with about `share` of its removable groups gone, checked against the model that ignores them."""
    rng = np.random.default_rng(seed)
    channels = map_channels(model)
    keep = channels.pinned | (rng.random(channels.count) >= share)
    for _, groups in channels.families():
        keep[groups[0]], keep[groups[1]] = True, False
    smaller = remove_channels(model, channels, keep)
    inputs = [rng.normal(size=(3, *tensor.shape[1:])).astype(np.float32) for tensor in model.inputs]
    wanted, found = (listed(each(inputs if len(inputs) > 1 else inputs[0])) for each in (blind(model, channels, keep), smaller))
    for first, second in zip(wanted, found, strict=True):
        np.testing.assert_allclose(second, first, rtol=1e-4, atol=1e-5 * max(1.0, float(np.abs(first).max())))
    return smaller, channels, keep


def listed(outputs: Any) -> list[Any]:
    return [output.numpy() for output in (outputs if isinstance(outputs, list) else [outputs])]


@pytest.mark.parametrize("seed", range(12))
def test_random_networks(seed: int) -> None:
    model = random_network(seed)
    smaller, _, keep = cut(model, seed=seed)
    assert not keep.all() and smaller.count_params() < model.count_params()


def test_a_residual_addition_ties_its_branches_together() -> None:
    keras = fresh(0)
    layers = keras.layers
    start = layers.Input((8, 8, 3))
    stem = layers.Conv2D(8, 3, padding="same", name="stem")(start)
    inner = layers.ReLU()(layers.BatchNormalization(name="norm")(layers.Conv2D(6, 3, padding="same", name="inner")(stem)))
    total = layers.Add()([stem, layers.Conv2D(8, 3, padding="same", name="outer")(inner)])
    model = shaken(keras.Model(start, layers.Dense(4, name="head")(layers.GlobalAveragePooling2D()(total))))
    smaller, channels, keep = cut(model)
    families = dict(channels.families())
    assert {names: len(groups) for names, groups in families.items()} == {("stem", "outer"): 8, ("inner",): 6}
    kept = {names: int(keep[groups].sum()) for names, groups in families.items()}
    assert smaller.get_layer("stem").filters == smaller.get_layer("outer").filters == kept["stem", "outer"] < 8
    assert smaller.get_layer("inner").filters == smaller.get_layer("norm").gamma.shape[0] == kept[("inner",)] < 6
    assert smaller.get_layer("head").kernel.shape == (kept["stem", "outer"], 4)


def test_a_flattening_takes_every_position_of_a_channel() -> None:
    keras = fresh(0)
    layers = keras.layers
    start = layers.Input((4, 5, 2))
    x = layers.Flatten()(layers.Conv2D(6, 3, padding="same", name="conv")(start))
    smaller, _, keep = cut(shaken(keras.Model(start, layers.Dense(3, name="head")(x))))
    assert smaller.get_layer("head").kernel.shape[0] == 4 * 5 * smaller.get_layer("conv").filters
    assert smaller.get_layer("conv").filters == int(keep.sum()) - 2 - 3


def test_concatenations_and_a_depthwise_multiplier() -> None:
    keras = fresh(0)
    layers = keras.layers
    start = layers.Input((8, 8, 3))
    left, right = layers.Conv2D(5, 1, name="left")(start), layers.Conv2D(7, 1, name="right")(start)
    wide = layers.DepthwiseConv2D(3, depth_multiplier=2, name="wide")(layers.Concatenate()([left, right]))
    smaller, _, _ = cut(shaken(keras.Model(start, layers.Conv2D(4, 1, name="last")(wide))))
    joined = smaller.get_layer("left").filters + smaller.get_layer("right").filters
    assert joined < 12
    assert smaller.get_layer("wide").depthwise_kernel.shape == (3, 3, joined, 2)
    assert smaller.get_layer("last").kernel.shape[2] == 2 * joined


def test_a_u_net_with_transposed_convolutions() -> None:
    keras = fresh(0)
    layers = keras.layers
    start = layers.Input((16, 16, 1))
    first = layers.Conv2D(6, 3, padding="same", activation="relu", name="first")(start)
    second = layers.Conv2D(8, 3, padding="same", activation="relu", name="second")(layers.MaxPooling2D()(first))
    up = layers.Conv2DTranspose(5, 2, strides=2, name="up")(second)
    joined = layers.Conv2D(6, 3, padding="same", name="joined")(layers.Concatenate()([first, up]))
    smaller, channels, _ = cut(shaken(keras.Model(start, layers.Conv2D(2, 1, activation="sigmoid", name="mask")(joined))))
    assert {names for names, _ in channels.families()} == {("first",), ("second",), ("up",), ("joined",)}
    up_kernel = smaller.get_layer("up").kernel.shape
    assert up_kernel[2:] == (smaller.get_layer("up").filters, smaller.get_layer("second").filters)


def test_a_time_series_network_up_to_a_recurrent_layer() -> None:
    keras = fresh(0)
    layers = keras.layers
    start = layers.Input((20, 3))
    x = layers.PReLU(name="slopes")(layers.Conv1D(8, 3, padding="causal", name="conv")(start))
    x = layers.MaxPooling1D()(layers.SeparableConv1D(6, 3, name="separable", depth_multiplier=2)(x))
    x = layers.GRU(5, name="memory")(x)
    smaller, channels, _ = cut(shaken(keras.Model(start, layers.Dense(4)(x))))
    assert {names for names, _ in channels.families()} == {("conv",), ("separable",)}
    assert channels.reasons == {"memory": "memory is recurrent: its units feed each other"}
    assert smaller.get_layer("memory").units == 5
    assert smaller.get_layer("slopes").alpha.shape == (20, smaller.get_layer("conv").filters)


def test_what_cannot_be_followed_stays_whole_with_its_reason() -> None:
    keras = fresh(0)
    layers = keras.layers
    start = layers.Input((8, 8, 4))
    x = layers.Conv2D(8, 3, name="before")(start)
    x = layers.LayerNormalization(name="even")(x)
    x = layers.Conv2D(6, 1, name="free")(x)
    x = layers.Conv2D(6, 1, groups=2, name="grouped")(layers.Conv2D(6, 1, name="feeds")(x))
    smaller, channels, _ = cut(shaken(keras.Model(start, layers.Conv2D(3, 1)(layers.Permute((2, 1, 3))(x)))))
    assert channels.reasons == {
        "before": "even is a LayerNormalization, which cannot be followed",
        "feeds": "grouped is a grouped convolution",
    }
    assert smaller.get_layer("before").filters == 8 and smaller.get_layer("free").filters < 6


def test_inputs_and_outputs_are_never_cut() -> None:
    keras = fresh(0)
    layers = keras.layers
    start = layers.Input((8,))
    hidden = layers.Dense(6, name="hidden")(start)
    x = layers.Add()([start, layers.Dense(8, name="tied")(hidden)])
    model = shaken(keras.Model(start, [layers.Dense(3, name="out")(x), hidden]))
    channels = map_channels(model)
    assert channels.families() == [] and channels.reasons == {}


def test_weights_of_a_layer_called_twice_are_cut_once() -> None:
    keras = fresh(0)
    layers = keras.layers
    start = layers.Input((8, 8, 6))
    twice = layers.Conv2D(6, 3, padding="same", name="twice")
    stem = layers.Conv2D(6, 1, name="stem")(start)
    smaller, channels, _ = cut(shaken(keras.Model(start, layers.Conv2D(2, 1)(twice(twice(stem))))))
    assert {names: len(groups) for names, groups in channels.families()} == {("stem", "twice"): 6}
    assert smaller.get_layer("twice").kernel.shape[2] == smaller.get_layer("twice").filters == smaller.get_layer("stem").filters


def test_inverted_residuals_with_squeeze_excite() -> None:
    """Two blocks as in EfficientNetV2: expansion, depthwise, a gate on the channels, projection, and the sum with the input."""
    keras = fresh(0)
    layers = keras.layers
    start = layers.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", name="stem")(layers.Rescaling(1 / 128, offset=-1)(start))
    for block in ("a", "b"):
        wide = layers.Activation("swish")(
            layers.BatchNormalization()(layers.Conv2D(24, 1, use_bias=False, name=f"{block}_wide")(x))
        )
        deep = layers.Activation("swish")(layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(wide)))
        gate = layers.Reshape((1, 1, 24))(layers.GlobalAveragePooling2D()(deep))
        gate = layers.Conv2D(6, 1, activation="swish", name=f"{block}_squeeze")(gate)
        gate = layers.Conv2D(24, 1, activation="sigmoid", name=f"{block}_excite")(gate)
        narrow = layers.Conv2D(8, 1, use_bias=False, name=f"{block}_narrow")(layers.multiply([deep, gate]))
        x = layers.add([layers.Dropout(0.2)(layers.BatchNormalization()(narrow)), x])
    model = shaken(keras.Model(start, layers.Dense(4)(layers.GlobalAveragePooling2D()(x))))
    smaller, channels, _ = cut(model)
    assert {names: len(groups) for names, groups in channels.families()} == {
        ("stem", "a_narrow", "b_narrow"): 8,
        ("a_wide", "a_excite"): 24,
        ("a_squeeze",): 6,
        ("b_wide", "b_excite"): 24,
        ("b_squeeze",): 6,
    }
    assert smaller.get_layer("a_wide").filters == smaller.get_layer("a_excite").filters < 24


@pytest.mark.slow
def test_mobilenet_v2_at_its_narrowest() -> None:
    keras = fresh(0)
    model = keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None, classes=10)
    flat, _ = flat_model(model, [(96, 96, 3)])
    rng = np.random.default_rng(0)
    for layer in flat.layers:
        if type(layer).__name__ == "BatchNormalization":  # so that no offset and no average is zero
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights([gamma, rng.normal(0, 0.1, beta.shape), rng.normal(0, 0.1, mean.shape), variance])
    smaller, channels, _ = cut(flat, 0.3)
    assert channels.reasons == {}
    assert smaller.count_params() < 0.75 * flat.count_params()
