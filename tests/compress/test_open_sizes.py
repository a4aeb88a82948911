"""Models with an open length or image size get the size of the data, compute the same with it, and can be converted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgepack.compress.keras.graph import flat_model
from edgepack.compress.quantization import aware
from edgepack.ground.errors import RecipeError

from ..convert.runtime import run
from ..convert.small_files import int8_file
from .small import fresh


def ends(k: Any, given: Any, x: Any) -> Any:
    return k.Model(given, k.layers.Dense(3, name="head")(x))


def recurrent(k: Any) -> Any:
    given = k.Input((None, 3), name="steps")
    return ends(k, given, k.layers.LSTM(4)(k.layers.GRU(4, return_sequences=True)(given)))


def both_ways(k: Any) -> Any:
    given = k.Input((None, 3), name="steps")
    return ends(k, given, k.layers.Bidirectional(k.layers.LSTM(4))(given))


def nested(k: Any) -> Any:
    given = k.Input((None, 3), name="steps")
    return ends(k, given, k.Sequential([k.layers.Input((None, 3)), k.layers.SimpleRNN(4)])(given))


def sequence(k: Any) -> Any:
    given = k.Input((None, 3), name="steps")
    x = k.layers.Conv1D(4, 3, padding="same")(given)
    return ends(k, given, k.layers.GlobalAveragePooling1D()(x))


def image(k: Any) -> Any:
    given = k.Input((None, None, 3), name="image")
    return ends(k, given, k.layers.GlobalAveragePooling2D()(k.layers.Conv2D(4, 3)(given)))


def batch(k: Any) -> Any:
    given = k.Input(batch_shape=(8, 6, 3), name="steps")
    return ends(k, given, k.layers.LSTM(4)(given))


CASES: list[tuple[Callable[[Any], Any], tuple[int, ...], bool]] = [
    (recurrent, (6, 3), True),
    (both_ways, (6, 3), True),
    (nested, (6, 3), True),
    (sequence, (6, 3), True),
    (image, (8, 6, 3), True),
    (batch, (6, 3), False),
]


@pytest.mark.parametrize(("build", "shape", "open_size"), CASES)
def test_an_open_size_becomes_that_of_the_data(build: Callable[[Any], Any], shape: tuple[int, ...], open_size: bool) -> None:
    model = build(fresh(1))
    given = np.random.default_rng(0).normal(size=(8, *shape)).astype(np.float32)
    wanted = model(given).numpy()
    flat, notes = flat_model(model, [shape])
    assert flat.inputs[0].shape == (None, *shape)
    np.testing.assert_allclose(flat(given).numpy(), wanted, rtol=1e-4, atol=1e-6)
    assert any("open sizes fixed" in note and model.input_names[0] in note for note in notes) == open_size
    aware.wrap(flat)
    assert np.abs(run(int8_file(flat, given), given)[0] - wanted).max() < 0.1 * np.abs(wanted).max()


def test_a_length_too_long_to_unroll_is_refused_by_name_and_number() -> None:
    with pytest.raises(RecipeError, match="layer gru runs over 300 time steps") as caught:
        flat_model(recurrent(fresh(1)), [(300, 3)])
    assert caught.value.code == "EP-411"
