"""Whether a model gives probabilities: of a Keras model and of the .tflite made of it, the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from edgepack.compress.keras.ending import ends_in_probabilities, final_activation
from edgepack.compress.quantization.aware import wrap
from edgepack.flatbuffer import read_model
from edgepack.flatbuffer.ending import ends_in_probabilities as tflite_ends_in_probabilities
from edgepack.sources import import_tf_keras

from .small import fresh


def dense(units: int, activation: str | None = None) -> Any:
    return import_tf_keras().layers.Dense(units, activation=activation)


def layer(name: str, *arguments: Any, **options: Any) -> Any:
    return getattr(import_tf_keras().layers, name)(*arguments, **options)


def tf() -> Any:
    import tensorflow

    return tensorflow


ENDINGS: dict[str, tuple[bool, Callable[[Any], Any]]] = {
    "nothing": (False, lambda x: dense(1)(x)),
    "relu": (False, lambda x: dense(1, "relu")(x)),
    "tanh": (False, lambda x: dense(1, "tanh")(x)),
    "sigmoid": (True, lambda x: dense(1, "sigmoid")(x)),
    "hard sigmoid": (True, lambda x: dense(1, "hard_sigmoid")(x)),
    "softmax": (True, lambda x: dense(3, "softmax")(x)),
    "a layer Activation": (True, lambda x: layer("Activation", "sigmoid")(dense(2)(x))),
    "a layer Activation without one": (True, lambda x: layer("Activation", "linear")(dense(2, "sigmoid")(x))),
    "a layer Softmax": (True, lambda x: layer("Softmax")(dense(3)(x))),
    "a function": (True, lambda x: tf().sigmoid(dense(1)(x))),
    "a layer of one's own": (True, lambda x: layer("Lambda", lambda value: tf().sigmoid(value))(dense(1)(x))),
    "a layer of one's own that keeps logits": (False, lambda x: layer("Lambda", lambda value: 2 * value)(dense(1)(x))),
    "reshaped": (True, lambda x: layer("Flatten")(layer("Reshape", (3, 1))(dense(3, "softmax")(x)))),
    "reshaped logits": (False, lambda x: layer("Flatten")(layer("Reshape", (3, 1))(dense(3)(x)))),
    "dropout": (True, lambda x: layer("Dropout", 0.5)(dense(2, "sigmoid")(x))),
    "pooled": (True, lambda x: layer("GlobalAveragePooling1D")(layer("Reshape", (3, 1))(dense(3, "sigmoid")(x)))),
    "an ensemble": (True, lambda x: layer("Average")([dense(2, "softmax")(x), dense(2, "softmax")(x)])),
    "a sum": (False, lambda x: layer("Add")([dense(2, "sigmoid")(x), dense(2, "sigmoid")(x)])),
    "a product": (True, lambda x: layer("Multiply")([dense(2, "sigmoid")(x), dense(2, "sigmoid")(x)])),
    "side by side": (True, lambda x: layer("Concatenate")([dense(1, "sigmoid")(x), dense(2, "sigmoid")(x)])),
    "one of them a logit": (False, lambda x: layer("Concatenate")([dense(1, "sigmoid")(x), dense(2)(x)])),
    "scaled into 0..1": (True, lambda x: layer("Rescaling", 0.5, 0.5)(dense(1, "tanh")(x))),
    "scaled to percent": (False, lambda x: dense(1, "sigmoid")(x) * 100.0),
    "the other side": (True, lambda x: 1.0 - tf().sigmoid(dense(1)(x))),
    "one column": (True, lambda x: tf().nn.softmax(dense(2)(x))[:, 1:]),
    "clipped": (True, lambda x: tf().clip_by_value(dense(1)(x), 0.0, 1.0)),
    "relu6 / 6": (True, lambda x: layer("ReLU", 6.0)(dense(1)(x)) / 6.0),
    "each step": (True, lambda x: layer("TimeDistributed", dense(1, "sigmoid"))(layer("Reshape", (4, 1))(x))),
}


def model(name: str) -> Any:
    keras = fresh(0)
    start = keras.Input((4,))
    return keras.Model(start, ENDINGS[name][1](start))


@pytest.mark.parametrize("name", ENDINGS)
def test_it_is_found_out_from_the_layers(name: str) -> None:
    assert ends_in_probabilities(model(name)) == ENDINGS[name][0]


@pytest.mark.parametrize("name", ["nothing", "hard sigmoid", "a layer Softmax", "an ensemble", "scaled to percent", "one column"])
def test_the_operators_of_the_tflite_say_the_same(name: str) -> None:
    converter = tf().lite.TFLiteConverter.from_keras_model(model(name))
    assert tflite_ends_in_probabilities(read_model(converter.convert())) == ENDINGS[name][0]


@pytest.mark.parametrize(("activation", "expected"), [("sigmoid", True), ("softmax", True), (None, False)])
def test_a_model_that_is_trained_with_quantization_ends_as_before(activation: str | None, expected: bool) -> None:
    keras = fresh(0)
    start = keras.Input((4,))
    plain = keras.Model(start, dense(3, activation)(dense(5, "relu")(start)))
    wrapped, _ = wrap(plain)
    assert ends_in_probabilities(wrapped) == expected
    assert final_activation(wrapped) == (activation or "linear")
