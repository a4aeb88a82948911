"""Channels that are the same for every input are found behind a flattening and a concatenation too."""

from __future__ import annotations

from typing import Any

import pytest

from edgepack.compress.folding.dead_channels import remove_dead_channels

from .channel_models import shaken
from .small import fresh
from .test_fold import check_same


def without_filters(model: Any, name: str, filters: list[int], bias: float) -> None:
    """Let some filters of a layer give nothing but `bias`."""
    kernel, biases = model.get_layer(name).get_weights()
    kernel[..., filters], biases[filters] = 0, bias
    model.get_layer(name).set_weights([kernel, biases])


@pytest.mark.parametrize("shape", [None, (9, 4), (36,)])
@pytest.mark.parametrize("bias", [0.0, 0.7])
def test_a_constant_channel_is_followed_through_a_flattening(shape: tuple[int, ...] | None, bias: float) -> None:
    keras = fresh(0)
    layers = keras.layers
    start = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, strides=2, activation="relu", name="conv")(start)  # 3 x 3 x 4
    x = layers.Flatten()(x) if shape is None else layers.Reshape(shape)(x)
    x = x if len(x.shape) == 2 else layers.Flatten()(x)
    model = shaken(keras.Model(start, layers.Dense(2, name="head")(x)))
    without_filters(model, "conv", [1], bias)
    alive, changed = remove_dead_channels(model)
    assert changed == {"conv": (4, 3)}
    check_same(model, alive)


@pytest.mark.parametrize("axis", [-1, 3])
def test_a_constant_channel_is_followed_through_a_concatenation(axis: int) -> None:
    keras = fresh(0)
    layers = keras.layers
    start = keras.Input((8, 8, 3))
    branches = [layers.Conv2D(4, 1, activation="relu", name=name)(start) for name in ("left", "right")]
    x = layers.Conv2D(3, 3, name="last")(layers.Concatenate(axis=axis)(branches))
    model = shaken(keras.Model(start, layers.GlobalAveragePooling2D()(x)))
    without_filters(model, "left", [0, 3], 0.4)
    without_filters(model, "right", [2], 0.0)
    alive, changed = remove_dead_channels(model)
    assert changed == {"left": (4, 2), "right": (4, 3)}
    check_same(model, alive)
