"""Token numbers beyond 8 bits reach their row of an embedding in integer files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.compress import compress
from edgepack.convert import convert
from edgepack.convert.tflite import run_converter
from edgepack.ground.cache import Cache
from edgepack.ground.errors import ConvertError
from edgepack.ground.progress import SilentProgress
from edgepack.metrics import Metric
from edgepack.sources import Dataset
from edgepack.sources.given import load_given_model

from ..compress.small import dataset, fresh, recipe
from .runtime import run

WORDS = 1000


def words_as_float() -> Any:
    """Keras 2 with an `Input` of its default type."""
    keras = fresh(0)
    start = keras.Input((6,), name="words")
    return keras.Model(start, keras.layers.Dense(3, name="out")(keras.layers.Flatten()(keras.layers.Embedding(WORDS, 8)(start))))


def sentences() -> Dataset:
    """Every word once, and the last ones first."""
    tokens = np.resize(np.arange(WORDS)[::-1], (180, 6)).astype(np.int32)
    return dataset(("words",), (tokens,), np.arange(180) % 3, 170, 5)


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
def test_words_beyond_8_bits_keep_their_rows(scheme: str, tmp_path: Path, accuracy: Metric) -> None:
    model, data = words_as_float(), sentences()
    cache, quiet = Cache(tmp_path / "cache"), SilentProgress()
    source = load_given_model(model, tmp_path, cache, quiet)
    steps = recipe({"step": "quantize", "aware": False, "scheme": scheme})
    result = convert(compress(source, data, steps, accuracy, cache, quiet), data, cache, quiet)
    assert result.proof.inputs == ("int32",)
    tokens = np.asarray(data.train.inputs[0])
    assert tokens.max() == WORDS - 1
    wanted = model.predict(tokens.astype(np.float32), verbose=0)
    (found,) = run(result.file, tokens)
    assert np.abs(found - wanted).max() < 0.05 * np.abs(wanted).max()


def test_tokens_among_real_numbers_are_refused() -> None:
    keras = fresh(0)
    start = keras.Input((6,), name="row")
    x = keras.layers.Flatten()(keras.layers.Embedding(WORDS, 8, name="table")(start[:, :2]))
    model = keras.Model(start, keras.layers.Concatenate()([x, start[:, 2:]]))
    with SilentProgress().stage("Converting") as task:
        with pytest.raises(ConvertError, match=r"table.*row") as error:
            run_converter(model, "int8", sentences(), task)
        assert error.value.code == "EP-458" and 'dtype="int32"' in error.value.hint
        assert run_converter(model, "float32", sentences(), task)
