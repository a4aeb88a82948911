"""Keras 3 models whose layers Keras 2 lacks become fully int8 files that compute what the model does, to a tenth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.compress.keras.graph import flat_model
from edgepack.convert.proof import prove
from edgepack.convert.tflite import run_converter
from edgepack.flatbuffer import read_model
from edgepack.ground.progress import SilentProgress
from edgepack.sources.keras.frameworks import import_keras3
from tests.compress.small import dataset
from tests.convert.runtime import run
from tests.sources.keras3.agreement import stored


def gated(keras: Any) -> Any:
    layers, start = keras.layers, keras.Input((16,))
    x = layers.Dense(16, activation="hard_silu")(start)
    x = layers.Multiply()([x, layers.Dense(16, activation="hard_sigmoid")(x)])
    x = layers.RMSNormalization()(layers.Dense(16, activation="leaky_relu")(x))
    return keras.Model(start, layers.Dense(4)(layers.Dense(16, activation="hard_tanh")(x)))


def pooled(keras: Any) -> Any:
    layers, start = keras.layers, keras.Input((10, 10, 3))
    x = layers.Conv2D(8, 3, activation="hard_swish")(layers.RandomErasing()(start))
    x = layers.AdaptiveAveragePooling2D((3, 3))(x)
    return keras.Model(start, layers.Dense(4)(layers.Flatten()(layers.Conv2D(6, 3, activation="relu6")(x))))


def functions(keras: Any) -> Any:
    k, start = keras.ops, keras.Input((8, 4))
    x = keras.layers.Conv1D(8, 3, padding="same")(start)
    first, second = k.split(x, 2, axis=-1)
    x = k.concatenate([k.maximum(first, 0.1), k.roll(second, 2, axis=1), k.where(first > 0, first, second * 0.5)], axis=-1)
    x = k.repeat(k.mean(x[:, ::2], axis=1, keepdims=True), 2, axis=1) + k.var(x, axis=1, keepdims=True)
    return keras.Model(start, keras.layers.Dense(4)(k.einsum("abc,cd->abd", x, np.eye(12, 5, dtype=np.float32))[:, 0]))


def masked(keras: Any) -> Any:
    layers, start = keras.layers, keras.Input((8, 4))
    return keras.Model(start, layers.Dense(4)(layers.LSTM(8)(layers.Masking(0.0)(start))))


@pytest.mark.parametrize("make", [gated, pooled, functions, masked])
def test_a_keras_3_model_becomes_an_int8_file(make: Any, tmp_path: Path) -> None:
    keras = import_keras3()
    keras.utils.set_random_seed(3)
    original = make(keras)
    shape = tuple(original.input_shape[1:])
    inputs = np.random.default_rng(2).normal(size=(200, *shape)).astype(np.float32)
    if make is masked:
        inputs[::2, 5:] = inputs[::3, :2] = 0.0
    data = dataset((make.__name__,), (inputs,), np.arange(200) % 4, 150, 20)
    model, _ = flat_model(stored(original, tmp_path), [shape])
    with SilentProgress().stage("") as task:
        content = run_converter(model, "int8", data, task)
    assert prove(read_model(content), "int8").fully_integer
    wanted = np.asarray(original(inputs, training=False))
    found = np.asarray(run(content, inputs)[0], np.float32).reshape(wanted.shape)
    assert np.sqrt(np.mean((found - wanted) ** 2)) < 0.1 * np.std(wanted)
