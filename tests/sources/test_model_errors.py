"""Models that cannot be used are refused in one line that names the file, the line or the layer."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from edgepack.ground.cache import Cache
from edgepack.ground.errors import ModelError
from edgepack.ground.progress import SilentProgress
from edgepack.sources import load_model
from edgepack.sources.keras.frameworks import import_keras3, import_tf_keras
from tests.sources.conftest import MakeProject
from tests.sources.test_model import CUSTOM, small

QUIET = SilentProgress()
HEAD = "import tf_keras\nL = tf_keras.layers\n"


def refused(project: MakeProject, cache: Cache, **settings: str) -> ModelError:
    with pytest.raises(ModelError) as error:
        load_model(project(**settings), cache, QUIET)
    assert "\n" not in str(error.value)
    assert error.value.hint
    assert not [entry for entry in cache.folder.glob("*") if entry.is_dir()], "something was left in the cache"
    return error.value


@pytest.mark.parametrize("name", ["m.h5", "m.keras", "three.keras"])
@pytest.mark.parametrize("keep", [0.0, 0.02, 0.5, 0.98])
def test_a_truncated_file_is_refused(name: str, keep: float, folder: Path, cache: Cache, project: MakeProject) -> None:
    small(import_keras3() if "three" in name else import_tf_keras()).save(folder / name)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(len(content) * keep)])
    error = refused(project, cache, model=name)
    assert (error.code, name in str(error)) == ("EP-221", True)


def test_a_truncated_saved_model_is_refused(folder: Path, cache: Cache, project: MakeProject) -> None:
    small(import_tf_keras()).save(folder / "saved", save_format="tf")
    file = folder / "saved" / "saved_model.pb"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert refused(project, cache, model="saved").code == "EP-221"


def test_a_damaged_tflite_is_refused(folder: Path, cache: Cache, project: MakeProject) -> None:
    (folder / "m.tflite").write_bytes(b"\x20\x00\x00\x00TFL3" + bytes(40))
    assert refused(project, cache, model="m.tflite").code.startswith(("EP-20", "EP-21"))


@pytest.mark.parametrize("name", ["gone.h5", "gone.keras", "gone.tflite", "gone"])
def test_a_missing_file_is_named(name: str, cache: Cache, project: MakeProject) -> None:
    error = refused(project, cache, model=name)
    assert (error.code, name in str(error)) == ("EP-220", True)


@pytest.mark.parametrize("name", ["m.onnx", "m.pb", "m.pt"])
def test_other_kinds_of_models_are_refused(name: str, folder: Path, cache: Cache, project: MakeProject) -> None:
    (folder / name).write_bytes(b"\x08\x07\x12\x07pytorch")
    assert refused(project, cache, model=name).code == "EP-222"


def test_weights_alone_say_what_else_is_needed(folder: Path, cache: Cache, project: MakeProject) -> None:
    small(import_tf_keras()).save_weights(folder / "w.h5")
    error = refused(project, cache, model="w.h5")
    assert (error.code, "model.py:build" in error.hint) == ("EP-231", True)


@pytest.mark.parametrize("name", ["m.h5", "m.keras", "saved", "three.keras"])
def test_a_lambda_in_a_file_is_refused_without_running_it(name: str, folder: Path, cache: Cache, project: MakeProject) -> None:
    keras = import_keras3() if "three" in name else import_tf_keras()
    marker = folder / "it ran"
    trace = str(marker)
    layers = keras.layers
    start = keras.Input((4,))
    hidden = layers.Lambda(lambda x: (open(trace, "w"), x * 2)[1], output_shape=(4,), name="my_lambda")  # noqa: SIM115
    model = keras.Model(start, layers.Dense(2)(hidden(start)))
    model.save(folder / name, **({"save_format": "tf"} if name == "saved" else {}))
    marker.unlink(missing_ok=True)
    error = refused(project, cache, model=name)
    assert error.code == "EP-223"
    assert "my_lambda is a Lambda" in str(error)
    assert not marker.exists()


def test_a_lambda_in_the_users_code_is_refused(folder: Path, cache: Cache, project: MakeProject) -> None:
    (folder / "model.py").write_text(
        f"{HEAD}def build():\n    return tf_keras.Sequential([L.Input((4,)), L.Lambda(lambda x: x * 2, name='twice')])\n"
    )
    error = refused(project, cache)
    assert (error.code, "layer twice is a Lambda" in str(error)) == ("EP-223", True)


@pytest.mark.parametrize("name", ["m.h5", "m.keras", "saved"])
def test_an_unknown_layer_class_is_named(name: str, folder: Path, cache: Cache, project: MakeProject) -> None:
    space: dict[str, object] = {}
    exec(compile(CUSTOM, "model.py", "exec"), space)
    build: Callable[[], object] = space["build"]  # type: ignore[assignment]
    build().save(folder / name)  # type: ignore[attr-defined]
    error = refused(project, cache, model=name)
    assert error.code == "EP-224"
    assert "layer twice is of the class Doubled" in str(error)
    assert "CUSTOM_OBJECTS" in error.hint


def test_an_unlisted_layer_in_the_users_code_is_named(folder: Path, cache: Cache, project: MakeProject) -> None:
    (folder / "model.py").write_text(CUSTOM.replace("CUSTOM_OBJECTS = ", "OTHERS = "))
    error = refused(project, cache)
    assert (error.code, "layer twice is of the class Doubled" in str(error)) == ("EP-224", True)


WRAPPED = """import tf_keras
import tensorflow_model_optimization as tfmot
def base():
    return tf_keras.Sequential([tf_keras.layers.Dense(9, input_shape=(4,), name="one"), tf_keras.layers.Dense(2, name="two")])
def prune():
    return tfmot.sparsity.keras.prune_low_magnitude(base(), pruning_schedule=tfmot.sparsity.keras.ConstantSparsity(0.5, 0))
def cluster():
    start = tfmot.clustering.keras.CentroidInitialization.LINEAR
    return tfmot.clustering.keras.cluster_weights(base(), number_of_clusters=2, cluster_centroids_init=start)
def quantize():
    return tfmot.quantization.keras.quantize_model(base())
def annotate():
    return tfmot.quantization.keras.quantize_annotate_model(base())
def strip():
    return tfmot.sparsity.keras.strip_pruning(prune())
CUSTOM_OBJECTS = {"PruneLowMagnitude": type(prune().layers[0])}
"""


@pytest.mark.parametrize(
    ("made", "layer", "hint"),
    [
        ("prune", "prune_low_magnitude_one", "strip_pruning"),
        ("cluster", "cluster_one", "strip_clustering"),
        ("quantize", "quantize_layer", "float model"),
        ("annotate", "quantize_annotate", "float model"),
    ],
)
def test_a_model_in_tf_mots_wrappers_is_refused(
    made: str, layer: str, hint: str, folder: Path, cache: Cache, project: MakeProject
) -> None:
    """Listed in CUSTOM_OBJECTS or not; what was stripped of them is a model like any other."""
    (folder / "model.py").write_text(WRAPPED)
    error = refused(project, cache, model=f"model.py:{made}")
    assert error.code == "EP-236" and f"layer {layer} is still wrapped" in str(error) and hint in error.hint
    space: dict[str, Callable[[], object]] = {}
    exec(compile(WRAPPED, "model.py", "exec"), space)
    space[made]().save(folder / "wrapped.h5")  # type: ignore[attr-defined]
    assert refused(project, cache, model="wrapped.h5").code == "EP-236"
    if made == "prune":
        assert load_model(project(model="model.py:strip"), cache, QUIET).outputs[0].shape == (2,)


def test_a_keras_3_layer_unknown_to_keras_2_is_named(folder: Path, cache: Cache, project: MakeProject) -> None:
    keras = import_keras3()
    keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Solarization(name="sun")]).save(folder / "m.keras")
    error = refused(project, cache, model="m.keras")
    assert (error.code, "layer sun (Solarization) of Keras 3" in str(error)) == ("EP-232", True)


def test_a_saved_model_without_keras_layers_says_what_to_give(folder: Path, cache: Cache, project: MakeProject) -> None:
    small(import_keras3()).export(folder / "exported", verbose=False)
    error = refused(project, cache, model="exported")
    assert (error.code, "model.save" in error.hint) == ("EP-225", True)


BUILDS = {
    "raises": ("def build():\n    x = 1\n    return x / 0\n", "EP-227", r"model.py:5: ZeroDivisionError: division by zero"),
    "import fails": ("import no_such_module\n", "EP-227", "model.py:3: ModuleNotFoundError"),
    "returns nothing": ("def build():\n    pass\n", "EP-228", "returned nothing"),
    "returns a list": ("def build():\n    return [L.Dense(2)]\n", "EP-228", "returned list"),
    "misspelt": ("def biuld():\n    pass\n", "EP-226", "has no function build"),
    "no input shape": ("def build():\n    return tf_keras.Sequential([L.Dense(2)])\n", "EP-234", "input shape is not known"),
    "two arguments": ("def build(a, b):\n    pass\n", "EP-227", "wants 2 arguments"),
    "subclassed": (
        "class Net(tf_keras.Model):\n    def __init__(self):\n        super().__init__()\n        self.d = L.Dense(2)\n"
        "    def call(self, x):\n        return self.d(x)\n"
        "def build():\n    import tensorflow as tf\n    m = Net()\n    m(tf.zeros((1, 4)))\n    return m\n",
        "EP-2",
        "",
    ),
}


@pytest.mark.parametrize("fault", BUILDS)
def test_what_build_does_wrong_is_said_in_one_line(fault: str, folder: Path, cache: Cache, project: MakeProject) -> None:
    body, code, text = BUILDS[fault]
    (folder / "model.py").write_text(HEAD + body)
    error = refused(project, cache)
    assert error.code.startswith(code)
    assert text in str(error)


def test_custom_objects_that_are_not_there_are_named(folder: Path, cache: Cache, project: MakeProject) -> None:
    small(import_tf_keras()).save(folder / "m.h5")
    (folder / "model.py").write_text("OBJECTS = 3\n")
    for setting in ("gone.py:OBJECTS", "model.py:GONE", "model.py:OBJECTS", "nonsense"):
        assert refused(project, cache, model="m.h5", custom_objects=setting).code == "EP-235"


def test_a_changed_meaning_would_be_noticed(
    folder: Path, cache: Cache, project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard behind every rebuilt model: outputs that differ are an error, not a note."""
    import edgepack.sources.keras.keras3.weights as module

    monkeypatch.setattr(module, "_variables2", lambda layer: iter([]))
    monkeypatch.setattr(module, "_values3", lambda layer: iter([]))
    small(import_keras3()).save(folder / "m.keras")
    assert refused(project, cache, model="m.keras").code == "EP-233"


def test_ctrl_c_while_building_leaves_nothing(folder: Path, cache: Cache, project: MakeProject) -> None:
    (folder / "model.py").write_text("def build():\n    raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load_model(project(), cache, QUIET)
    assert not [entry for entry in cache.folder.glob("*") if entry.is_dir()]


def test_a_zip_file_that_is_no_model_is_refused(folder: Path, cache: Cache, project: MakeProject) -> None:
    with zipfile.ZipFile(folder / "m.keras", "w") as archive:
        archive.writestr("config.txt", json.dumps({}))
    assert refused(project, cache, model="m.keras").code == "EP-222"


def test_an_hdf5_file_that_is_no_model_is_refused(folder: Path, cache: Cache, project: MakeProject) -> None:
    (folder / "model.py").write_text("")
    with h5py.File(folder / "m.h5", "w") as file:
        file["numbers"] = np.zeros(3)
    assert refused(project, cache, model="m.h5").code == "EP-231"
    shutil.copy(folder / "m.h5", folder / "w.h5")
