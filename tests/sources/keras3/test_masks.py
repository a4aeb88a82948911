"""Masks reach what they reached in Keras 3, and inputs of embeddings stay whole numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.ground.errors import ModelError
from edgepack.sources.keras.compare import largest_difference
from edgepack.sources.keras.frameworks import import_keras3
from edgepack.sources.keras.keras3.rebuild import rebuild

from .agreement import differences, stored

_TOKENS = np.array([[3, 1, 4, 0, 0, 0], [0, 0, 0, 7, 2, 5], [0, 6, 0, 3, 0, 1], [1, 2, 3, 4, 5, 6]], np.int32)


def _embedded(length: int = 6, dtype: str = "int32") -> tuple[Any, Any]:
    keras = import_keras3()
    start = keras.Input((length,), dtype=dtype)
    return start, keras.layers.Embedding(9, 5, mask_zero=True)(start)


def recurrent(layers: Any, x: Any) -> Any:
    return layers.Bidirectional(layers.GRU(4))(layers.LSTM(4, return_sequences=True)(x))


def both_ways(layers: Any, x: Any) -> Any:
    return layers.SimpleRNN(3)(layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x))


def pooled(layers: Any, x: Any) -> Any:
    return layers.GlobalAveragePooling1D()(layers.Dropout(0.2)(x))


def behind_activations(layers: Any, x: Any) -> Any:
    return layers.LSTM(4)(layers.Dense(5, activation="hard_silu")(layers.LayerNormalization()(x)))


def joined(layers: Any, x: Any) -> Any:
    return layers.LSTM(4)(layers.Add()([x, layers.TimeDistributed(layers.Dense(5))(x)]))


def attending(layers: Any, x: Any) -> Any:
    return layers.MultiHeadAttention(2, 4)(x, x)


@pytest.mark.parametrize("head", [recurrent, both_ways, pooled, behind_activations, joined, attending])
def test_the_mask_of_an_embedding_keeps_its_effect(head: Any, tmp_path: Path) -> None:
    keras = import_keras3()
    start, x = _embedded()
    model = keras.Model(start, head(keras.layers, x))
    assert max(differences(model, tmp_path, [_TOKENS])) < 1e-5
    unmasked = keras.Model(start, head(keras.layers, x * 1.0))
    unmasked.set_weights(model.get_weights())
    masked, plain = (np.asarray(one(_TOKENS)) for one in (model, unmasked))
    assert np.max(np.abs(masked[:3] - plain[:3])) > 1e-3


def test_masking_keeps_its_effect(tmp_path: Path) -> None:
    keras = import_keras3()
    layers = keras.layers
    model = keras.Sequential([keras.Input((6, 3)), layers.Masking(), layers.LSTM(4, return_sequences=True), layers.GRU(3)])
    inputs = np.random.default_rng(1).normal(size=(4, 6, 3)).astype(np.float32)
    inputs[0, 4:] = inputs[1, :3] = inputs[2, 2] = 0.0
    assert max(differences(model, tmp_path, [inputs])) < 1e-5


def test_a_value_to_mask_that_int8_would_round_is_named() -> None:
    keras = import_keras3()
    model = keras.Sequential([keras.Input((6, 3)), keras.layers.Masking(-1.0, name="gaps"), keras.layers.LSTM(4)])
    with pytest.raises(ModelError, match=r"layer gaps \(Masking: mask_value -1.0") as error:
        rebuild(model, "model.keras", {})
    assert error.value.code == "EP-232"


def test_the_check_of_a_rebuilt_model_sees_a_lost_mask(tmp_path: Path) -> None:
    keras = import_keras3()
    layers = keras.layers
    model = keras.Sequential([keras.Input((6, 3)), layers.Masking(), layers.LSTM(4)])
    lost = keras.Sequential([keras.Input((6, 3)), layers.LSTM(4)])
    lost.set_weights(model.get_weights())
    assert (largest_difference(model, stored(model, tmp_path)) or 0.0) < 1e-5
    assert (largest_difference(model, rebuild(lost, "model.keras", {})) or 0.0) > 1e-3


@pytest.mark.parametrize("mask_zero", [False, True])
def test_a_float_input_of_an_embedding_becomes_one_of_whole_numbers(mask_zero: bool, tmp_path: Path) -> None:
    keras = import_keras3()
    layers = keras.layers
    model = keras.Sequential([keras.Input((6,)), layers.Embedding(9, 5, mask_zero=mask_zero), layers.LSTM(4), layers.Dense(2)])
    built = stored(model, tmp_path)
    assert [tensor.dtype.name for tensor in built.inputs] == ["int32"]
    assert (largest_difference(model, built) or 0.0) < 1e-5
    np.testing.assert_allclose(built(_TOKENS), model(_TOKENS.astype(np.float32)), atol=1e-5)


def test_a_float_input_with_other_uses_stays_what_it_is() -> None:
    keras = import_keras3()
    start = keras.Input((6,))
    x = keras.layers.Flatten()(keras.layers.Embedding(9, 5)(start))
    model = keras.Model(start, keras.layers.Concatenate()([x, keras.layers.Dense(2)(start)]))
    assert [tensor.dtype.name for tensor in rebuild(model, "model.keras", {}).inputs] == ["float32"]


def test_a_mask_that_cannot_be_followed_is_named() -> None:
    keras = import_keras3()
    start, x = _embedded()
    model = keras.Model(start, keras.layers.GroupQueryAttention(4, 4, 2)(x, x))
    with pytest.raises(ModelError, match="attention_mask") as error:
        rebuild(model, "model.keras", {})
    assert error.value.code == "EP-232"
