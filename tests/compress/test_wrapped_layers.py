"""Wrapped for aware training and with fake quantization off, a model computes what it did, whatever layers it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgepack.compress.keras.graph import flat_model
from edgepack.compress.quantization import aware
from edgepack.compress.quantization.fake_quant import unrounded
from edgepack.compress.quantization.lowbit import GRIDS
from edgepack.ground.errors import RecipeError
from edgepack.sources.keras.compare import largest_difference

from .own_layers import own_layers
from .small import fresh

STEPS, IMAGE, VOLUME, FILM = (7, 4), (6, 6, 3), (4, 4, 4, 2), (3, 6, 6, 2)


def attention(k: Any, query: tuple[int, ...], value: tuple[int, ...] | None, heads: int, size: int) -> Any:
    given = k.Input(query)
    other = given if value is None else k.Input(value)
    result = k.layers.MultiHeadAttention(heads, size)(given, other)
    return k.Model([given] if value is None else [given, other], k.layers.Dense(3)(k.layers.Flatten()(result)))


def shared(k: Any) -> Any:
    first, second, dense = k.Input((6,)), k.Input((6,)), k.layers.Dense(6, activation="relu")
    return k.Model([first, second], k.layers.Dense(2)(k.layers.Add()([dense(first), dense(second)])))


def nested(k: Any) -> Any:
    given, inner = k.Input((6,)), k.Sequential([k.layers.Input((6,)), k.layers.Dense(6), k.layers.Dense(6)])
    return k.Model(given, k.layers.Dense(2)(inner(inner(given))))


def chain(shape: tuple[int, ...], *layers: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A model of these layers with a dense one at the end."""
    return lambda k: k.Sequential(
        [k.layers.Input(shape), *(layer(k.layers) for layer in layers), k.layers.Flatten(), k.layers.Dense(3)]
    )


def two_ways(layers: Any) -> Any:
    return layers.Bidirectional(layers.LSTM(5), backward_layer=layers.GRU(5, go_backwards=True))


MODELS: dict[str, Callable[[Any], Any]] = {
    "Dense": chain((6,), lambda k: k.Dense(8, activation="relu")),
    "Conv1D": chain(STEPS, lambda k: k.Conv1D(5, 3, padding="causal")),
    "Conv2D with BatchNormalization": chain(
        IMAGE, lambda k: k.Conv2D(5, 3), lambda k: k.BatchNormalization(), lambda k: k.ReLU()
    ),
    "Conv3D": chain(VOLUME, lambda k: k.Conv3D(4, 2)),
    "DepthwiseConv1D": chain(STEPS, lambda k: k.DepthwiseConv1D(3)),
    "DepthwiseConv2D": chain(IMAGE, lambda k: k.DepthwiseConv2D(3, depth_multiplier=2)),
    "SeparableConv1D": chain(STEPS, lambda k: k.SeparableConv1D(5, 3)),
    "SeparableConv2D": chain(IMAGE, lambda k: k.SeparableConv2D(5, 3, activation="relu")),
    "Conv1DTranspose": chain(STEPS, lambda k: k.Conv1DTranspose(5, 3)),
    "Conv2DTranspose": chain(IMAGE, lambda k: k.Conv2DTranspose(5, 3, strides=2)),
    "Conv3DTranspose": chain(VOLUME, lambda k: k.Conv3DTranspose(4, 2)),
    "LocallyConnected1D": chain(STEPS, lambda k: k.LocallyConnected1D(4, 3)),
    "EinsumDense": chain(STEPS, lambda k: k.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d")),
    "BatchNormalization alone": chain(IMAGE, lambda k: k.BatchNormalization()),
    "LayerNormalization": chain(STEPS, lambda k: k.LayerNormalization(axis=[1, 2])),
    "PReLU": chain(IMAGE, lambda k: k.Conv2D(4, 3), lambda k: k.PReLU(shared_axes=[1, 2])),
    "Embedding": chain((6,), lambda k: k.Embedding(20, 4), lambda k: k.LSTM(4)),
    "SimpleRNN": chain(STEPS, lambda k: k.SimpleRNN(5)),
    "LSTM": chain(STEPS, lambda k: k.LSTM(5)),
    "GRU": chain(STEPS, lambda k: k.GRU(5)),
    "GRU of the first paper": chain(STEPS, lambda k: k.GRU(5, reset_after=False, go_backwards=True)),
    "stacked": chain(STEPS, lambda k: k.LSTM(5, return_sequences=True), lambda k: k.GRU(5, go_backwards=True)),
    "Bidirectional LSTM": chain(STEPS, lambda k: k.Bidirectional(k.LSTM(5, return_sequences=True))),
    "Bidirectional GRU": chain(STEPS, lambda k: k.Bidirectional(k.GRU(5))),
    "Bidirectional sum": chain(STEPS, lambda k: k.Bidirectional(k.SimpleRNN(5), merge_mode="sum")),
    "Bidirectional of two kinds": chain(STEPS, two_ways),
    "stateful": lambda k: k.Sequential(
        [k.layers.Input(batch_shape=(4, *STEPS)), k.layers.LSTM(5, stateful=True), k.layers.Dense(3)]
    ),
    "RNN of a cell": chain(STEPS, lambda k: k.RNN(k.LSTMCell(5))),
    "RNN of cells": chain(STEPS, lambda k: k.RNN([k.GRUCell(5), k.GRUCell(5)])),
    "RNN of an own cell": chain(STEPS, lambda k: k.RNN(own_layers().Cell(5))),
    "MultiHeadAttention": lambda k: attention(k, (8, 16), None, 2, 8),
    "MultiHeadAttention, heads as wide as the model": lambda k: attention(k, (4, 4), None, 4, 4),
    "MultiHeadAttention of two inputs": lambda k: attention(k, (8, 16), (4, 16), 2, 2),
    "TimeDistributed Dense": chain(STEPS, lambda k: k.TimeDistributed(k.Dense(5))),
    "TimeDistributed convolution": chain(
        FILM, lambda k: k.TimeDistributed(k.DepthwiseConv2D(3)), lambda k: k.TimeDistributed(k.BatchNormalization())
    ),
    "shared": shared,
    "nested": nested,
    "own layer with sublayers": chain((6,), lambda k: own_layers().Two(), lambda k: own_layers().Two()),
    "own layer without arguments": chain((6,), lambda k: own_layers().Plain(), lambda k: own_layers().Plain()),
    "own layer whose configuration has no name": chain((6,), lambda k: own_layers().Scaled(2.0)),
}


def unlike_any_other(model: Any) -> Any:
    """`model` with other values in every weight, biases and averages included, so that no two could be exchanged unseen."""
    rng = np.random.default_rng(3)
    for variable in model.weights:
        variable.assign(variable + np.abs(rng.normal(0, 0.1, variable.shape)))
    return model


def flat(name: str) -> Any:
    model = unlike_any_other(MODELS[name](fresh(1)))
    return flat_model(model, [tuple(tensor.shape[1:]) for tensor in model.inputs])[0]


def examples(model: Any) -> Any:
    rng = np.random.default_rng(0)
    whole = any(type(layer).__name__ == "Embedding" for layer in model.layers)
    shapes = [(4, *tensor.shape[1:]) for tensor in model.inputs]
    arrays = [
        rng.integers(0, 20, shape).astype("float32") if whole else rng.normal(size=shape).astype("float32") for shape in shapes
    ]
    return arrays if len(arrays) > 1 else arrays[0]


def agree(model: Any, wrapped: Any) -> None:
    given = examples(model)
    wanted = model(given, training=False).numpy()
    with aware.without_quantization(), unrounded():
        np.testing.assert_allclose(wrapped(given, training=False).numpy(), wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("name", MODELS)
def test_a_wrapped_model_computes_the_same_without_fake_quantization(name: str) -> None:
    model = flat(name)
    wrapped, _ = aware.wrap(model)
    agree(model, wrapped)
    assert wrapped.count_params() >= model.count_params()


@pytest.mark.parametrize("name", ["SeparableConv1D", "Conv2DTranspose", "DepthwiseConv2D", "Bidirectional GRU"])
def test_few_bits_take_the_weights_over(name: str) -> None:
    model = flat(name)
    wrapped, _ = aware.wrap(model, grids={layer.name: GRIDS["int4"] for layer in model.layers})
    agree(model, wrapped)


def test_frozen_layers_keep_their_weights() -> None:
    """Keras lists a frozen layer's weights in another place."""
    model = flat("DepthwiseConv2D")
    for layer in model.layers:
        layer.trainable = False
    wrapped, _ = aware.wrap(model)
    agree(model, wrapped)


def test_a_copy_that_computes_something_else_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoilt(wrapped: Any, grids: Any) -> Any:
        made = relevel(wrapped, grids)
        layer = made.get_layer("bidirectional")
        layer.set_weights([*layer.get_weights()[3:], *layer.get_weights()[:3]])
        return made

    relevel = aware.relevel
    monkeypatch.setattr(aware, "relevel", spoilt)
    with pytest.raises(RecipeError, match="copy of layer bidirectional for aware training computes something else") as caught:
        aware.wrap(flat("Bidirectional GRU"))
    assert caught.value.code == "EP-416"


def test_a_convolutional_lstm_is_refused_by_name() -> None:
    keras = fresh(1)
    model = keras.Sequential([keras.layers.Input((3, 6, 6, 2)), keras.layers.ConvLSTM2D(4, 3, name="weather")])
    with pytest.raises(RecipeError, match="layer weather is a convolutional LSTM") as caught:
        flat_model(model, [(3, 6, 6, 2)])
    assert caught.value.code == "EP-411"


def test_a_stateful_layer_begins_each_example_anew_and_says_so() -> None:
    model = MODELS["stateful"](fresh(1))
    _, notes = flat_model(model, [STEPS])
    assert any("every example begins with a fresh state" in note and "lstm" in note for note in notes)


def test_a_model_with_state_is_asked_once_before_it_is_compared() -> None:
    """Asked a second time it would begin with the state of the first."""
    model = MODELS["stateful"](fresh(1))
    other = fresh(1).models.clone_model(model)
    other.set_weights(model.get_weights())
    assert largest_difference(model, other) == 0.0
