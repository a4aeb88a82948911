"""Models and arrays given as Python objects become what a project's files become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.ground.cache import Cache
from edgepack.ground.errors import DataError, ModelError
from edgepack.ground.progress import SilentProgress
from edgepack.project import DataSettings
from edgepack.sources.given import load_given_data, load_given_model
from edgepack.sources.model import open_keras

X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
Y = np.arange(60) % 3


def _data(data: Any, tmp_path: Path, **settings: Any) -> Any:
    return load_given_data(data, DataSettings(**settings), Cache(tmp_path / "cache"), SilentProgress())


@pytest.mark.parametrize(
    "form",
    [
        (X[:48], Y[:48], X[48:], Y[48:]),
        ((X[:48], Y[:48]), (X[48:], Y[48:])),
        {"x_train": X[:48], "y_train": Y[:48], "x_test": X[48:], "y_test": Y[48:]},
        {"train": (X[:48], Y[:48]), "test": (X[48:], Y[48:])},
        [X[:48].tolist(), Y[:48].tolist(), X[48:].tolist(), Y[48:].tolist()],
    ],
)
def test_every_form_gives_the_same_splits(form: Any, tmp_path: Path) -> None:
    found = _data(form, tmp_path)
    assert np.array_equal(found.test.inputs[0], X[48:]) and np.array_equal(found.test.labels, Y[48:])
    assert len(found.train) + len(found.validation) == 48 and len(found.representative) > 0
    rows = {row.tobytes() for split in (found.train, found.validation) for row in np.asarray(split.inputs[0])}
    assert rows == {row.tobytes() for row in X[:48]}


def test_a_test_split_is_cut_where_none_is_given(tmp_path: Path) -> None:
    found = _data((X, Y), tmp_path, test=0.25)
    assert len(found.test) == 15 and sorted(np.asarray(found.test.labels).tolist()) == [0] * 5 + [1] * 5 + [2] * 5


def test_data_is_stored_again_only_when_it_changed(tmp_path: Path) -> None:
    first = _data((X, Y), tmp_path)
    assert _data((X.copy(), Y.copy()), tmp_path).sha256 == first.sha256
    assert len(list((tmp_path / "cache").glob("data-*"))) == 1
    changed = X.copy()
    changed[3, 2] += 1
    assert _data((changed, Y), tmp_path).sha256 != first.sha256


@pytest.mark.parametrize(
    ("form", "code"), [((X, Y, X), "EP-306"), ({"x_test": X}, "EP-303"), (3, "EP-306"), ({"tran": 1}, "EP-306")]
)
def test_other_forms_are_refused(form: Any, code: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        _data(form, tmp_path)
    assert refused.value.code == code and refused.value.hint


def _keras2() -> Any:
    import tf_keras

    tf_keras.utils.set_random_seed(1)
    return tf_keras.Sequential([tf_keras.Input((5,)), tf_keras.layers.Dense(4, "relu"), tf_keras.layers.Dense(3)])


def _keras3() -> Any:
    import keras

    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(3)])


def _model(model: Any, tmp_path: Path) -> Any:
    return load_given_model(model, tmp_path, Cache(tmp_path / "cache"), SilentProgress())


@pytest.mark.parametrize("make", [_keras2, _keras3])
def test_a_keras_model_computes_the_same_after_storing_and_is_left_as_it_was(make: Any, tmp_path: Path) -> None:
    model = make()
    before = [weight.copy() for weight in model.get_weights()]
    stored = open_keras(_model(model, tmp_path))
    assert np.allclose(stored.predict(X, verbose=0), model.predict(X, verbose=0), atol=1e-6)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_the_same_weights_are_found_in_the_cache_and_others_are_not(tmp_path: Path) -> None:
    model = _keras2()
    first = _model(model, tmp_path)
    assert _model(model, tmp_path).file == first.file
    model.layers[0].kernel.assign(model.layers[0].kernel * 2)
    assert _model(model, tmp_path).sha256 != first.sha256


def test_a_function_is_called_for_its_model(tmp_path: Path) -> None:
    assert _model(_keras2, tmp_path).inputs[0].shape == (5,)


@pytest.mark.parametrize(("model", "text"), [(3, "model is int"), (lambda: None, "returned nothing")])
def test_what_is_no_keras_model_is_refused(model: Any, text: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as refused:
        _model(model, tmp_path)
    assert refused.value.code == "EP-228" and text in str(refused.value)


def test_a_layer_of_ones_own_has_to_be_registered(tmp_path: Path) -> None:
    import tf_keras

    class Twice(tf_keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return 2 * inputs

    def load(kind: Any) -> Any:
        model = tf_keras.Sequential([tf_keras.layers.Input((3,)), kind(name="twice"), tf_keras.layers.Dense(2)])
        return model, load_given_model(model, tmp_path, Cache(tmp_path / "cache"), SilentProgress())

    with pytest.raises(ModelError) as caught:
        load(Twice)
    assert caught.value.code == "EP-224" and "twice is of the class Twice" in str(caught.value)
    assert "register_keras_serializable" in caught.value.hint
    model, source = load(tf_keras.saving.register_keras_serializable("given")(Twice))
    examples = np.ones((2, 3), np.float32)
    np.testing.assert_allclose(np.asarray(open_keras(source)(examples)), np.asarray(model(examples)), atol=1e-6)
