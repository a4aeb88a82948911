"""Weights of every file form come into the built model, or the layer that does not fit is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.ground.cache import Cache
from edgepack.ground.errors import ModelError
from edgepack.ground.progress import SilentProgress
from edgepack.sources import load_model
from edgepack.sources.keras.frameworks import import_keras3, import_tf_keras
from tests.sources.conftest import MakeProject
from tests.sources.models import randomise
from tests.sources.test_model import EXAMPLES, THREE, TWO, predict, small

QUIET = SilentProgress()


def save(form: str, folder: Path, keras2: Any, keras3: Any) -> tuple[str, Any]:
    """Write weights of one form; the file's name and the model they came from."""
    keras, method, name = {
        "model h5": (keras2, "save", "m.h5"),
        "model keras": (keras2, "save", "m.keras"),
        "model SavedModel": (keras2, "save", "saved"),
        "weights h5": (keras2, "save_weights", "w.h5"),
        "weights.h5": (keras2, "save_weights", "m.weights.h5"),
        "Keras 3 keras": (keras3, "save", "three.keras"),
        "Keras 3 h5": (keras3, "save", "three.h5"),
        "Keras 3 weights.h5": (keras3, "save_weights", "three.weights.h5"),
    }[form]
    model = small(keras)
    getattr(model, method)(folder / name)
    return name, model


FORMS = [
    "model h5",
    "model keras",
    "model SavedModel",
    "weights h5",
    "weights.h5",
    "Keras 3 keras",
    "Keras 3 h5",
    "Keras 3 weights.h5",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("code", [TWO, THREE], ids=["built with Keras 2", "built with Keras 3"])
def test_weights_are_loaded_into_the_built_model(code: str, form: str, folder: Path, cache: Cache, project: MakeProject) -> None:
    (folder / "model.py").write_text(code)
    name, model = save(form, folder, import_tf_keras(), import_keras3())
    source = load_model(project(weights=name), cache, QUIET)
    np.testing.assert_allclose(predict(source), np.asarray(model(EXAMPLES, training=False)), atol=1e-5)
    assert source.trained


def nested(keras: Any) -> Any:
    """A nested model with batch normalisation, dropout and a recurrent layer, trained for a moment."""
    layers = keras.layers
    inside = keras.Sequential([keras.Input((8, 4)), layers.Dense(4), layers.BatchNormalization(), layers.Dropout(0.5)], name="in")
    model = keras.Sequential([keras.Input((8, 4)), inside, layers.BatchNormalization(), layers.GRU(3), layers.Dense(2)])
    model.compile("adam", "mse")
    random = np.random.default_rng(0)
    model.fit(random.normal(size=(32, 8, 4)), random.normal(size=(32, 2)), epochs=2, verbose=0)
    return model


NESTED = """
import tf_keras as keras
from tf_keras import layers

def build():
    inside = keras.Sequential([keras.Input((8, 4)), layers.Dense(4), layers.BatchNormalization(), layers.Dropout(0.5)], name="in")
    return keras.Sequential([keras.Input((8, 4)), inside, layers.BatchNormalization(), layers.GRU(3), layers.Dense(2)])
"""


@pytest.mark.parametrize("generation", [2, 3])
@pytest.mark.parametrize("name", ["m.h5", "m.keras", "m.weights.h5"])
def test_nested_and_trained_models_give_their_weights(
    name: str, generation: int, folder: Path, cache: Cache, project: MakeProject
) -> None:
    (folder / "model.py").write_text(NESTED)
    model = nested(import_tf_keras() if generation == 2 else import_keras3())
    (model.save_weights if "weights" in name else model.save)(folder / name)
    source = load_model(project(weights=name), cache, QUIET)
    examples = np.random.default_rng(1).normal(size=(5, 8, 4)).astype(np.float32)
    np.testing.assert_allclose(predict(source, examples), np.asarray(model(examples, training=False)), atol=1e-5)


@pytest.mark.parametrize("form", ["m.h5", "m.keras", "m.weights.h5"])
def test_weights_of_another_shape_name_the_layer(form: str, folder: Path, cache: Cache, project: MakeProject) -> None:
    (folder / "model.py").write_text(TWO)
    model = small(import_tf_keras(), units=4)
    (model.save_weights if "weights" in form else model.save)(folder / form)
    with pytest.raises(ModelError, match="does not fit the model") as error:
        load_model(project(weights=form), cache, QUIET)
    assert error.value.code == "EP-230"
    if "weights" not in form:
        assert "layer head has weights 144x3, 3, the file's head 144x4, 4" in str(error.value)
    assert not [entry for entry in cache.folder.iterdir() if entry.is_dir()]


def test_weights_of_a_shorter_model_name_the_first_layer_without(folder: Path, cache: Cache, project: MakeProject) -> None:
    (folder / "model.py").write_text(TWO)
    keras = import_tf_keras()
    keras.Sequential([keras.layers.Input((8, 8, 2)), keras.layers.Conv2D(4, 3)]).save(folder / "m.h5")
    with pytest.raises(ModelError, match="3 layers of the model have weights, 1 of the file; the file has none for batch_norm"):
        load_model(project(weights="m.h5"), cache, QUIET)


SCALED = """
import {keras}

class Scaled({keras}.layers.Layer):
    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

    def call(self, inputs):
        return inputs * self.scale

CUSTOM_OBJECTS = {{"Scaled": Scaled}}

def build():
    layers = {keras}.layers
    return {keras}.Sequential([{keras}.Input((4,)), layers.Dense(4), Scaled(), layers.Dense(2)])
"""


def test_a_keras_3_file_with_a_layer_of_ones_own_gives_its_weights_to_the_same_layer_written_for_keras_2(
    folder: Path, cache: Cache, project: MakeProject
) -> None:
    import_keras3()
    space: dict[str, Any] = {}
    exec(compile(SCALED.format(keras="keras"), "model.py", "exec"), space)
    model = randomise(space["build"]())
    model.save(folder / "three.keras")
    (folder / "model.py").write_text(SCALED.format(keras="tf_keras"))
    with pytest.raises(ModelError, match=r"three\.keras is of Keras 3, and the class Scaled") as error:
        load_model(project(model="three.keras", custom_objects="model.py:CUSTOM_OBJECTS"), cache, QUIET)
    assert (error.value.code, 'weights = "three.keras"' in error.value.hint) == ("EP-224", True)
    source = load_model(project(weights="three.keras"), cache, QUIET)
    examples = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_allclose(predict(source, examples), np.asarray(model(examples, training=False)), atol=1e-5)
