"""Layers, cells and functions of the user's own walk through every step, or the error names the class and what it lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.compress import compress
from edgepack.compress.keras.models import copy_model
from edgepack.compress.stored import open_compressed
from edgepack.ground.cache import Cache
from edgepack.ground.errors import ModelError
from edgepack.ground.progress import SilentProgress
from edgepack.metrics import load_metric
from edgepack.project.types import DataSettings, ModelSettings, Project
from edgepack.sources import SourceModel, load_model
from edgepack.sources.keras.own_layers import completed

from .own_layers import own_layers
from .small import fresh, noise, recipe

MODEL = """
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers as L

def gentle(x):
    return x * tf.nn.relu6(x + 3) / 6

class Block(L.Layer):
    def __init__(self, **k):
        super().__init__(**k); self.a = L.Dense(6, activation="tanh"); self.b = L.Dense(6)
    def call(self, x):
        return self.b(self.a(x))

class Plain(L.Layer):
    def __init__(self):
        super().__init__(); self.a = L.Dense(6)
    def call(self, x):
        return self.a(x)

class Scaled(L.Layer):
    def __init__(self, factor):
        super().__init__(); self.factor = factor
    def call(self, x):
        return x * self.factor
    def get_config(self):
        return {"factor": self.factor}

class Wrong(L.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs); self.d = L.Dense(units)
    def call(self, x):
        return self.d(x)
    def get_config(self):
        return super().get_config()

class Around(L.Layer):
    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs); self.inner = inner
    def call(self, x):
        return self.inner(x)

CUSTOM_OBJECTS = {"Block": Block, "Plain": Plain, "Scaled": Scaled, "Wrong": Wrong, "Around": Around, "gentle": gentle}

def build():
    given = keras.Input((6, 6, 2))
    x = L.Conv2D(8, 3, activation=gentle, name="first")(given)
    x = L.Conv2D(8, 3, activation="relu", name="second")(x)
    x = L.Dense(8, activation="relu", name="wide")(L.Flatten()(x))
    x = Scaled(2.0)(Plain()(Plain()(Block(name="mine")(x))))
    return keras.Model(given, L.Dense(3, activation="softmax", name="head")(x))

def wrong():
    return keras.Sequential([L.Input((6,)), Wrong(5, name="odd"), L.Dense(3)])

def around():
    return keras.Sequential([L.Input((6,)), Around(L.Dense(4), name="odd"), L.Dense(3)])
"""


def load(folder: Path, function: str = "build", file: str | None = None) -> SourceModel:
    (folder / "model.py").write_text(MODEL)
    objects = "model.py:CUSTOM_OBJECTS" if file else None
    settings = ModelSettings(file or f"model.py:{function}", custom_objects=objects)
    project = Project(folder, folder / "edgepack.toml", "own", settings, DataSettings())
    return load_model(project, Cache(folder / "cache"), SilentProgress())


@pytest.mark.slow
def test_a_layer_without_get_config_walks_through_every_step_under_its_name(tmp_path: Path) -> None:
    steps = recipe(
        {"step": "train", "epochs": 1},
        {"step": "fold"},
        {"step": "equalize"},
        {"step": "structured", "ratio": 0.25, "epochs": 1},
        {"step": "low_rank", "ratio": 0.95, "epochs": 0, "align": 1, "layers": ["wide"]},
        {"step": "prune", "epochs": 1, "teacher": "float", "match": ["mine"]},
        {"step": "cluster", "epochs": 1, "scope": "tensor", "clusters": 8},
        {"step": "quantize", "epochs": 1, "exclude": ["mine"]},
    )
    data = noise(((6, 6, 2),), 3)
    found = compress(load(tmp_path), data, steps, load_metric("accuracy", tmp_path), Cache(tmp_path / "cache"), SilentProgress())
    model = open_compressed(found)
    names = [layer.name for layer in model.layers]
    assert "mine" in names and len([name for name in names if name.startswith("plain")]) == 2
    assert found.steps[-1].zeros > 0
    assert np.isfinite(model(data.test.inputs[0]).numpy()).all()


def test_a_function_as_activation_is_opened_again_from_the_users_own_h5(tmp_path: Path) -> None:
    source = load(tmp_path)
    from edgepack.sources import open_keras

    model = open_keras(source)
    model.save(tmp_path / "mine.h5", save_format="h5", include_optimizer=False)
    content = (tmp_path / "mine.h5").read_bytes()
    again = open_keras(load(tmp_path, file="mine.h5"))
    given = noise(((6, 6, 2),), 3).test.inputs[0]
    np.testing.assert_array_equal(again(given).numpy(), model(given).numpy())
    assert again.get_layer("first").activation.__name__ == "gentle"
    assert (tmp_path / "mine.h5").read_bytes() == content


@pytest.mark.parametrize(("function", "kind", "says"), [("wrong", "Wrong", "units"), ("around", "Around", "get_config")])
def test_a_layer_that_cannot_be_made_again_is_refused_by_its_class(function: str, kind: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=kind) as caught:
        load(tmp_path, function)
    assert caught.value.code == "EP-224"
    assert says in str(caught.value) and "get_config()" in caught.value.hint


@pytest.mark.parametrize("name", ["Two", "Plain", "Scaled"])
def test_a_copy_has_the_name_and_the_weights(name: str) -> None:
    keras = fresh(1)
    layer = getattr(own_layers(), name)(*([2.0] if name == "Scaled" else []))
    model = keras.Sequential([keras.layers.Input((6,)), layer, keras.layers.Dense(3)])
    model.layers[0].trainable = False
    copy = copy_model(model)
    assert [one.name for one in copy.layers] == [one.name for one in model.layers]
    assert not copy.layers[0].trainable
    given = np.ones((2, 6), np.float32)
    np.testing.assert_array_equal(copy(given).numpy(), model(given).numpy())


def test_a_class_that_was_completed_is_completed_once() -> None:
    first: Any = completed({"Two": own_layers().Two})["Two"]
    assert completed({"Two": first})["Two"] is first is completed({"Two": own_layers().Two})["Two"]
    assert issubclass(first, own_layers().Two) and first.__name__ == "Two"


def test_copying_names_the_class_that_keeps_an_argument_for_itself() -> None:
    keras = fresh(1)
    model = keras.Sequential([keras.layers.Input((6,)), own_layers().Forgetful(4, name="odd")])
    with pytest.raises(ModelError, match="layer odd of the class Forgetful cannot be made again") as caught:
        copy_model(model)
    assert caught.value.code == "EP-224"
