"""Masked attention keeps its scores apart in integer files, and nothing of it stays float."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.convert import prove
from edgepack.convert.masks import coarse_softmaxes
from edgepack.convert.tflite import run_converter
from edgepack.flatbuffer import read_model
from edgepack.ground.progress import SilentProgress
from edgepack.sources import Dataset

from ..compress.small import dataset, fresh
from .runtime import run

STEPS = 12


def converted(model: Any, data: Dataset, scheme: str = "int8") -> bytes:
    with SilentProgress().stage("Converting") as task:
        return run_converter(model, scheme, data, task)


def words(count: int) -> tuple[Any, Any]:
    """Sentences of 3 to 12 words, the rest zeros; whether odd words prevail."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, 200, (count, STEPS)).astype(np.int32)
    tokens[np.arange(STEPS) >= rng.integers(3, STEPS + 1, (count, 1))] = 0
    return tokens, ((tokens % 2 * 2 - 1) * (tokens > 0)).sum(1) > 0


def test_a_trained_model_loses_little() -> None:
    keras = fresh(0)
    start = keras.Input((STEPS,), dtype="int32", name="words")
    x = keras.layers.Embedding(200, 16, mask_zero=True)(start)
    x = keras.layers.Flatten()(keras.layers.Add()([x, keras.layers.MultiHeadAttention(2, 8)(x, x)]))
    model = keras.Model(start, keras.layers.Dense(2, activation="softmax")(x))
    tokens, odd = words(2000)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(tokens[:1600], odd[:1600], epochs=12, batch_size=64, verbose=0)
    wanted = model.predict(tokens[1600:], verbose=0)
    content = converted(model, dataset(("words",), (tokens,), odd.astype(np.int64), 1500, 100))
    assert prove(read_model(content), "int8").fully_integer and not coarse_softmaxes(read_model(content))
    (found,) = run(content, tokens[1600:])
    right = [float((scores.argmax(1) == odd[1600:]).mean()) for scores in (wanted, found)]
    assert right[0] > 0.9 and right[1] > right[0] - 0.01
    assert np.abs(found - wanted).mean() < 0.01


def heads(x: Any, keras: Any) -> Any:
    return keras.layers.MultiHeadAttention(2, 8)(keras.layers.Masking()(x), x)


def causal(x: Any, keras: Any) -> Any:
    return keras.layers.MultiHeadAttention(2, 8)(x, x, use_causal_mask=True)


def dot(x: Any, keras: Any) -> Any:
    x = keras.layers.Masking()(x)
    return keras.layers.Attention(use_scale=True)([x, x])


def dot_causal(x: Any, keras: Any) -> Any:
    return keras.layers.Attention()([x, x], use_causal_mask=True)


def softmax(x: Any, keras: Any) -> Any:
    return keras.layers.Softmax()(x, mask=x > 0)


@pytest.mark.parametrize(
    ("attend", "scheme"),
    [*((way, "int8") for way in (heads, causal, dot, dot_causal, softmax)), (causal, "int16x8"), (dot_causal, "int16x8")],
)
def test_every_way_of_masking_keeps_scores_apart(attend: Callable[[Any, Any], Any], scheme: str) -> None:
    keras = fresh(0)
    start = keras.Input((STEPS, 4), name="steps")
    model = keras.Model(start, attend(start, keras))
    model.set_weights([weight * 3 for weight in model.get_weights()])
    values = np.random.default_rng(1).normal(size=(160, STEPS, 4)).astype(np.float32)
    values[np.arange(STEPS) >= np.random.default_rng(2).integers(3, STEPS + 1, (160, 1))] = 0
    content = converted(model, dataset(("steps",), (values,), np.zeros(160, np.int64), 150, 5), scheme)
    file = read_model(content)
    assert prove(file, scheme).fully_integer and not coarse_softmaxes(file)
    assert scheme != "int8" or compile_model(file, "m").files
    wanted, (found,) = model.predict(values, verbose=0), run(content, values)
    some = np.abs(values).sum(-1) > 0 if attend in (heads, dot) else np.ones(values.shape[:2], bool)
    assert np.abs(found - wanted)[some].mean() < 0.05 * np.abs(wanted).max()


def test_a_mask_by_hand_is_noticed() -> None:
    keras = fresh(0)
    start = keras.Input((STEPS, 4), name="steps")
    far = np.where(np.arange(4) > 2, -1e9, 0).astype(np.float32)
    model = keras.Model(start, keras.layers.Softmax(name="hidden")(start + far))
    values = np.random.default_rng(1).normal(size=(160, STEPS, 4)).astype(np.float32)
    content = converted(model, dataset(("steps",), (values,), np.zeros(160, np.int64), 150, 5))
    assert coarse_softmaxes(read_model(content)) == ["hidden"]
