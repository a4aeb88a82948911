"""Token numbers that Keras 2 declares as float, as `Input` does unless told otherwise, become int32."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from edgepack.ground.cache import Cache
from edgepack.ground.progress import SilentProgress
from edgepack.sources.given import load_given_model
from edgepack.sources.keras.frameworks import import_keras3, import_tf_keras
from edgepack.sources.keras.store import reopen

keras = import_tf_keras()
L = keras.layers
Build = Callable[[], Any]
WORDS = 1000


def table(**options: Any) -> Any:
    return L.Embedding(WORDS, 4, **options)


def chain(shape: tuple[int, ...], *layers: Callable[[Any], Any]) -> Any:
    start = x = keras.Input(shape, name="words")
    for layer in layers:
        x = layer(x)
    return keras.Model(start, x)


def halves(x: Any) -> Any:
    return L.Concatenate()([table()(x[:, :3]), table()(x[:, 3:])])


def masked_by_hand(x: Any) -> Any:
    return L.GlobalAveragePooling1D()(table()(x), mask=tf.not_equal(x, 0))


def within(x: Any) -> Any:
    return chain((6,), table(), L.Flatten())(x)


WHOLE: dict[str, Build] = {
    "functional": lambda: chain((6,), table(), L.Flatten()),
    "sequential": lambda: keras.Sequential([table(input_length=6), L.Flatten(), L.Dense(3)]),
    "masked": lambda: chain((6,), table(mask_zero=True), L.LSTM(3)),
    "two tables": lambda: chain((6,), lambda x: L.Add()([table()(x), table()(x)])),
    "reshaped": lambda: chain((2, 3), L.Reshape((6,)), table()),
    "sliced": lambda: chain((6,), halves),
    "cast": lambda: chain((6,), lambda x: tf.cast(x, "int32"), table()),
    "compared": lambda: chain((6,), masked_by_hand),
    "over time": lambda: chain((2, 3), L.TimeDistributed(table())),
    "a model within": lambda: chain((6,), within, L.Dense(2)),
    "a sequential within": lambda: keras.Sequential([keras.Input((6,)), keras.Sequential([table(), L.Flatten()]), L.Dense(2)]),
    "half precision": lambda: chain((6,), table(dtype="mixed_float16"), L.Flatten()),
}
REAL: dict[str, Build] = {
    "columns of both kinds": lambda: chain((6,), lambda x: L.Concatenate()([L.Flatten()(table()(x[:, :2])), x[:, 2:]])),
    "computed with": lambda: chain((6,), lambda x: table()(x * 2.0)),
    "an output too": lambda: keras.Model(start := keras.Input((6,)), [table()(start), L.Activation("linear")(start)]),
    "no table": lambda: chain((6,), L.Dense(2)),
}


def stored(model: Any, folder: Path) -> Any:
    return reopen(load_given_model(model, folder, Cache(folder / "cache"), SilentProgress()).file, {})


@pytest.mark.parametrize("build", WHOLE.values(), ids=WHOLE.keys())
def test_an_input_for_embeddings_only_becomes_whole(build: Build, tmp_path: Path) -> None:
    model = build()
    found = stored(model, tmp_path)
    assert [tensor.dtype.name for tensor in found.inputs] == ["int32"]
    assert found.input_names == model.input_names
    tokens = np.random.default_rng(3).integers(1, WORDS, (5, *model.inputs[0].shape[1:]))
    np.testing.assert_allclose(found(tokens.astype(np.int32)), model(tokens.astype(np.float32)), atol=1e-4)


@pytest.mark.parametrize("build", REAL.values(), ids=REAL.keys())
def test_an_input_with_other_uses_stays_real(build: Build, tmp_path: Path) -> None:
    assert [tensor.dtype.name for tensor in stored(build(), tmp_path).inputs] == ["float32"]


def test_only_the_token_input_of_several_changes(tmp_path: Path) -> None:
    words, values = keras.Input((6,), name="words"), keras.Input((2,), name="values")
    model = keras.Model([values, words], L.Concatenate()([L.Flatten()(table()(words)), values]))
    assert [tensor.dtype.name for tensor in stored(model, tmp_path).inputs] == ["float32", "int32"]


def test_a_keras3_model_within_a_model_is_seen_too(tmp_path: Path) -> None:
    three = import_keras3()
    inner = three.Sequential([three.Input((6,)), three.layers.Embedding(WORDS, 4), three.layers.Flatten()])
    model = three.Sequential([three.Input((6,)), inner, three.layers.Dense(2)])
    found = stored(model, tmp_path)
    assert [tensor.dtype.name for tensor in found.inputs] == ["int32"]
    tokens = np.random.default_rng(3).integers(1, WORDS, (5, 6)).astype(np.int32)
    np.testing.assert_allclose(found(tokens), model(tokens.astype(np.float32)), atol=1e-5)
