"""Models of every kind of source become one Keras 2 file that computes the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.ground.cache import Cache
from edgepack.ground.errors import ModelError
from edgepack.ground.progress import SilentProgress
from edgepack.sources import SourceModel, load_model, open_keras
from edgepack.sources.keras.frameworks import import_keras3, import_tf_keras
from tests.sources.conftest import MakeProject
from tests.sources.models import randomise

QUIET = SilentProgress()
EXAMPLES = np.random.default_rng(2).normal(size=(6, 8, 8, 2)).astype(np.float32)

TWO = """
import tf_keras
from tf_keras import layers

def build():
    return tf_keras.Sequential([
        layers.Input((8, 8, 2)), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Flatten(), layers.Dense(3, name="head"),
    ])
"""
THREE = TWO.replace("tf_keras", "keras")


def small(keras: Any, units: int = 3) -> Any:
    layers = keras.layers
    start = keras.Input((8, 8, 2))
    x = layers.Flatten()(layers.BatchNormalization()(layers.Conv2D(4, 3)(start)))
    return randomise(keras.Model(start, layers.Dense(units, name="head")(x)))


def predict(source: SourceModel, examples: np.ndarray = EXAMPLES) -> np.ndarray:
    return np.asarray(open_keras(source)(examples, training=False))


FORMS: dict[str, tuple[int, dict[str, Any]]] = {
    "m.h5": (2, {}),
    "m.keras": (2, {}),
    "saved": (2, {"save_format": "tf"}),
    "three.keras": (3, {}),
    "three.h5": (3, {}),
}


@pytest.mark.parametrize("name", FORMS)
def test_model_files_of_both_generations_are_opened(name: str, folder: Path, cache: Cache, project: MakeProject) -> None:
    generation, options = FORMS[name]
    model = small(import_tf_keras() if generation == 2 else import_keras3())
    model.save(folder / name, **options)
    source = load_model(project(model=name), cache, QUIET)
    np.testing.assert_allclose(predict(source), np.asarray(model(EXAMPLES, training=False)), atol=1e-5)
    assert (source.kind, source.trained, source.file.name) == ("keras", True, "model.h5")
    assert [(spec.shape, spec.dtype) for spec in source.inputs] == [((8, 8, 2), "float32")]
    assert source.outputs[0].shape == (3,)
    assert bool(source.notes) == (generation == 3)


def test_the_hash_follows_layers_and_weights_rather_than_file_bytes(folder: Path, cache: Cache, project: MakeProject) -> None:
    keras = import_tf_keras()
    model = small(keras)
    model.save(folder / "a.h5")
    model.save(folder / "b.keras")
    weights = model.get_weights()
    weights[0][0, 0, 0, 0] += 1e-3
    model.set_weights(weights)
    model.save(folder / "c.h5")
    one, same, other = (load_model(project(model=name), cache, QUIET).sha256 for name in ("a.h5", "b.keras", "c.h5"))
    assert one == same != other


@pytest.mark.parametrize("code", [TWO, THREE], ids=["Keras 2", "Keras 3"])
def test_build_gives_the_same_initial_weights_each_time(code: str, folder: Path, tmp_path: Path, project: MakeProject) -> None:
    (folder / "model.py").write_text(code)
    first = load_model(project(), Cache(tmp_path / "a"), QUIET)
    again = load_model(project(), Cache(tmp_path / "b"), QUIET)
    other = load_model(project(seed=5), Cache(tmp_path / "b"), QUIET)
    assert first.sha256 == again.sha256 != other.sha256
    assert not first.trained


def test_a_cached_model_is_found_without_tensorflow(folder: Path, cache: Cache, project: MakeProject) -> None:
    (folder / "model.py").write_text(TWO)
    source = load_model(project(), cache, QUIET)
    program = f"""
import sys
from pathlib import Path
from edgepack.ground.cache import Cache
from edgepack.ground.progress import SilentProgress
from edgepack.project import DataSettings, ModelSettings, Project
from edgepack.sources import load_model
folder = Path({str(folder)!r})
project = Project(folder, folder / "edgepack.toml", "p", ModelSettings("model.py:build"), DataSettings())
print(load_model(project, Cache(Path({str(cache.folder)!r})), SilentProgress()).sha256)
print([name for name in ("tensorflow", "tf_keras", "keras", "h5py") if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split("\n")[:2] == [source.sha256, "[]"]


def test_build_may_ask_for_the_datas_sizes(folder: Path, cache: Cache, project: MakeProject) -> None:
    from edgepack.sources import load_data

    np.savez(folder / "d.npz", x=np.zeros((60, 5)), y=np.arange(60) % 6)
    (folder / "model.py").write_text(
        "import tf_keras\ndef build(data):\n"
        "    l = tf_keras.layers\n    return tf_keras.Sequential([l.Input(data.input_shape), l.Dense(data.classes)])\n"
    )
    chosen = project("d.npz")
    source = load_model(chosen, cache, QUIET, load_data(chosen, cache, QUIET))
    assert (source.inputs[0].shape, source.outputs[0].shape) == ((5,), (6,))
    with pytest.raises(ModelError, match="there is no data"):
        load_model(chosen, cache, QUIET)


def test_a_changed_helper_module_builds_again(folder: Path, cache: Cache, project: MakeProject) -> None:
    (folder / "sizes.py").write_text("UNITS = 3\n")
    (folder / "model.py").write_text("from sizes import UNITS\n" + TWO.replace("Dense(3", "Dense(UNITS"))
    assert load_model(project(), cache, QUIET).outputs[0].shape == (3,)
    (folder / "sizes.py").write_text("UNITS = 7\n")
    assert load_model(project(), cache, QUIET).outputs[0].shape == (7,)


CUSTOM = """
import tf_keras

class Doubled(tf_keras.layers.Layer):
    def call(self, inputs):
        return inputs * 2.0

CUSTOM_OBJECTS = {"Doubled": Doubled}

def build():
    return tf_keras.Sequential([tf_keras.layers.Input((4,)), Doubled(name="twice"), tf_keras.layers.Dense(2)])
"""


def test_layers_of_the_users_own_are_opened_again(folder: Path, cache: Cache, project: MakeProject) -> None:
    (folder / "model.py").write_text(CUSTOM)
    source = load_model(project(), cache, QUIET)
    assert source.custom_objects == "model.py:CUSTOM_OBJECTS"
    assert [type(layer).__name__ for layer in open_keras(source).layers] == ["Doubled", "Dense"]
    open_keras(source).save(folder / "custom.h5")
    from_file = load_model(project(model="custom.h5", custom_objects="model.py:CUSTOM_OBJECTS"), cache, QUIET)
    examples = np.ones((1, 4), np.float32)
    np.testing.assert_array_equal(predict(from_file, examples), predict(source, examples))
    (folder / "model.py").write_text(CUSTOM.replace("2.0", "3.0"))
    assert load_model(project(), cache, QUIET).sha256 != source.sha256


def test_several_inputs_and_outputs_keep_their_names(folder: Path, cache: Cache, project: MakeProject) -> None:
    from tests.sources.models import several

    several(import_keras3()).save(folder / "m.keras")
    source = load_model(project(model="m.keras"), cache, QUIET)
    assert [spec.name for spec in source.inputs] == ["image", "numbers"]
    assert [spec.name for spec in source.outputs] == ["a", "b"]
    several(import_tf_keras()).save(folder / "m2.keras")
    second = load_model(project(model="m2.keras"), cache, QUIET)
    assert {spec.name: spec.shape for spec in second.outputs} == {"a": (1,), "b": (3,)}
    assert len(open_keras(second).outputs) == 2


def test_reference_models_are_opened(shared_models: Path, cache: Cache, project: MakeProject) -> None:
    resnet = load_model(project(model=str(shared_models / "pretrainedResnet.h5")), cache, QUIET)
    assert open_keras(resnet).count_params() == 78666
    words = load_model(project(model=str(shared_models / "kws_ref_model")), cache, QUIET)
    assert (words.inputs[0].shape, words.outputs[0].shape) == ((49, 10, 1), (12,))
    tflite = load_model(project(model=str(shared_models / "kws_ref_model.tflite")), cache, QUIET)
    assert (tflite.kind, tflite.inputs[0].dtype, tflite.inputs[0].shape) == ("tflite", "int8", (49, 10, 1))
    assert tflite.file.read_bytes() == (shared_models / "kws_ref_model.tflite").read_bytes()


def test_a_mixed_precision_model_becomes_float32(folder: Path, cache: Cache, project: MakeProject) -> None:
    keras = import_tf_keras()
    layers = keras.layers
    stack = [layers.Input((4,)), layers.Dense(8, dtype="mixed_float16"), layers.BatchNormalization(dtype="mixed_float16")]
    model = randomise(keras.Sequential([*stack, layers.Dense(2)]))
    model.save(folder / "m.h5")
    source = load_model(project(model="m.h5"), cache, QUIET)
    opened = open_keras(source)
    assert {layer.compute_dtype for layer in opened.layers} == {"float32"}
    assert any("float32" in note for note in source.notes)
    for one, two in zip(model.get_weights(), opened.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
