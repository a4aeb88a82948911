"""Nothing in a model file acts on the machine: each file here did something when it was opened, and is refused before it can."""

from __future__ import annotations

import base64
import json
import marshal
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from edgepack.ground.cache import Cache
from edgepack.ground.errors import ModelError
from edgepack.ground.progress import SilentProgress
from edgepack.sources import load_model
from edgepack.sources.keras.frameworks import import_tf_keras
from tests.sources.conftest import MakeProject
from tests.sources.hostile import calls, layer, plain, plant, rewrite_keras, save_changed

QUIET = SilentProgress()
FORMATS = ["m.h5", "m.keras", "three.keras", "three.h5"]

Refused = Callable[..., ModelError]


@pytest.fixture
def refused(cache: Cache, project: MakeProject) -> Refused:
    """Load a model, which must fail in one line with something to do, and leave nothing in the cache."""

    def load(**settings: Any) -> ModelError:
        with pytest.raises(ModelError) as error:
            load_model(project(**settings), cache, QUIET)
        assert "\n" not in str(error.value)
        assert error.value.hint
        assert not [entry for entry in cache.folder.glob("*") if entry.is_dir()], "something was left in the cache"
        return error.value

    return load


@pytest.mark.parametrize("name", ["m.h5", "m.keras"])
def test_a_layer_that_writes_a_file_is_refused(name: str, folder: Path, refused: Refused) -> None:
    target = folder / "written"
    save_changed(folder / name, calls("io.write_file", str(target), contents="text"))
    error = refused(model=name)
    assert not target.exists()
    assert (error.code, "trust = true" in error.hint) == ("EP-237", True)
    assert "layer innocent calls tf.io.write_file" in str(error)


@pytest.mark.parametrize("name", ["m.h5", "m.keras"])
def test_a_layer_that_removes_a_file_is_refused(name: str, folder: Path, refused: Refused) -> None:
    precious = folder / "precious"
    precious.write_text("thesis")
    save_changed(folder / name, calls("io.gfile.remove", str(precious)))
    error = refused(model=name)
    assert precious.read_text() == "thesis"
    assert (error.code, "tf.io.gfile.remove" in str(error)) == ("EP-237", True)


@pytest.mark.parametrize(
    "function",
    [
        "load_op_library",
        "load_library",
        "io.read_file",
        "py_function",
        "numpy_function",
        "print",
        "raw_ops.WriteFile",
        "compat.v1.gfile.Remove",
        "compat.v1.load_op_library",
        "saved_model.load",
        "summary.create_file_writer",
        "random.fixed_unigram_candidate_sampler",
        "keras.utils.get_file",
        "keras.backend.set_floatx",
        "no_such_function",
    ],
)
def test_functions_that_do_more_than_compute_are_refused(function: str, folder: Path, refused: Refused) -> None:
    save_changed(folder / "m.h5", calls(function, "nothing"))
    error = refused(model="m.h5")
    assert (error.code, f"tf.{function}," in str(error)) == ("EP-237", True)


def test_every_kind_of_call_layer_is_checked(folder: Path, refused: Refused) -> None:
    entries: list[tuple[str, dict[str, str]]] = [
        ("SlicingOpLambda", {"function": "io.write_file"}),
        ("ClassMethod", {"cls_symbol": "io.TFRecordWriter", "method_name": "write"}),
        ("InstanceMethod", {"attr_name": "__class__"}),
        ("InstanceProperty", {"attr_name": "graph"}),
    ]
    for class_name, settings in entries:

        def change(config: dict[str, Any], class_name: str = class_name, settings: dict[str, str] = settings) -> None:
            calls("abs", "x")(config)
            entry = layer(config, "innocent")
            entry["class_name"] = entry["registered_name"] = class_name
            entry["config"] = {"name": "innocent", **settings}

        save_changed(folder / "m.h5", change)
        assert refused(model="m.h5").code == "EP-237", class_name


def test_a_call_within_a_nested_model_or_a_wrapper_is_found(folder: Path, refused: Refused) -> None:
    keras = import_tf_keras()
    target = folder / "written"
    call = calls("io.write_file", str(target), contents="text")
    outer = keras.Sequential([keras.Input((4,)), keras.Sequential([plain(keras)], name="inside")])
    save_changed(folder / "m.keras", lambda config: call(config["config"]["layers"][1]["config"]["layers"][1]), outer)
    assert (refused(model="m.keras").code, target.exists()) == ("EP-237", False)
    steps = keras.Sequential([keras.Input((5, 4)), keras.layers.TimeDistributed(plain(keras), name="steps")])
    save_changed(folder / "m.h5", lambda config: call(layer(config, "steps")["config"]["layer"]), steps)
    assert (refused(model="m.h5").code, target.exists()) == ("EP-237", False)


def _as(class_name: str, module: str = "planted", config: Any = None, registered: str | None = None) -> dict[str, Any]:
    return {"module": module, "class_name": class_name, "config": config or {}, "registered_name": registered}


PLACES: dict[str, Callable[[dict[str, Any]], object]] = {
    "layer": lambda entry: entry.update(module="planted", registered_name=None),
    "initializer": lambda entry: entry["config"].update(kernel_initializer=_as("Zeros")),
    "initializer of ones own": lambda entry: entry["config"].update(kernel_initializer=_as("Planted")),
    "regularizer": lambda entry: entry["config"].update(kernel_regularizer=_as("L2")),
    "constraint": lambda entry: entry["config"].update(bias_constraint=_as("NonNeg")),
    "activation": lambda entry: entry["config"].update(activation=_as("function", config="relu", registered="relu")),
    "activation layer": lambda entry: entry["config"].update(activation=_as("ReLU")),
    "slice": lambda entry: entry["config"].update(units=_as("__slice__")),
    "type": lambda entry: entry["config"].update(dtype=_as("Policy")),
    "type specification": lambda entry: entry["config"].update(
        units={**_as("__typespec__"), "spec_name": "Dense", "registered_name": None}
    ),
    "compiled": lambda entry: entry.update(compile_config={"optimizer": _as("Adam")}),
    "build": lambda entry: entry.update(build_config={"input_shape": _as("Dense")}),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("place", PLACES)
def test_no_module_is_imported_because_a_file_names_it(
    place: str, name: str, folder: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = plant(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "planted", raising=False)
    save_changed(folder / name, lambda config: PLACES[place](layer(config, "first")))
    error = refused(model=name)
    assert not trace.exists() and "planted" not in sys.modules
    assert error.code in ("EP-237", "EP-224") and ("first" in str(error))


def test_a_class_of_the_users_own_does_not_lend_its_name_to_others(folder: Path, refused: Refused) -> None:
    """Old formats go by the class's name and new ones by the registered one; both have to be the user's."""
    (folder / "model.py").write_text(
        "import tf_keras\nclass Own(tf_keras.layers.Layer):\n    pass\nCUSTOM_OBJECTS = {'Own': Own}\n"
    )
    target = folder / "written"

    def change(config: dict[str, Any]) -> None:
        calls("io.write_file", str(target), contents="text")(config)
        layer(config, "innocent")["registered_name"] = "Own"

    save_changed(folder / "m.h5", change)
    assert refused(model="m.h5", custom_objects="model.py:CUSTOM_OBJECTS").code == "EP-237"
    fake = {"module": "keras.layers", "class_name": "Own", "registered_name": "Lambda"}
    save_changed(folder / "m.keras", lambda config: layer(config, "first").update(fake))
    assert refused(model="m.keras", custom_objects="model.py:CUSTOM_OBJECTS").code in ("EP-224", "EP-237")
    assert not target.exists()


def _stored_code(trace: Path) -> str:
    code = compile(f"lambda x: open({str(trace)!r}, 'w') and x", "x", "eval").co_consts[0]
    return base64.b64encode(marshal.dumps(code)).decode()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("setting", ["activation", "kernel_initializer", "kernel_regularizer", "bias_constraint"])
def test_python_code_in_a_setting_is_refused(setting: str, name: str, folder: Path, refused: Refused) -> None:
    trace = folder / "it ran"
    code = {"class_name": "__lambda__", "config": {"value": [_stored_code(trace), None, None]}}
    save_changed(folder / name, lambda config: layer(config, "first")["config"].update({setting: code}))
    error = refused(model=name)
    assert (error.code, "first" in str(error), trace.exists()) == ("EP-223", True, False)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("setting", ["activation", "kernel_initializer", "kernel_regularizer", "bias_constraint"])
def test_a_setting_names_functions_of_keras_only(setting: str, name: str, folder: Path, refused: Refused) -> None:
    save_changed(folder / name, lambda config: layer(config, "first")["config"].update({setting: "deserialize_keras_object"}))
    error = refused(model=name)
    assert (error.code, "deserialize_keras_object" in str(error)) == ("EP-224", True)


@pytest.mark.parametrize("class_name", ["TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"])
def test_layers_around_other_programs_are_refused(class_name: str, folder: Path, refused: Refused) -> None:
    save_changed(folder / "three.keras", lambda config: layer(config, "first").update(class_name=class_name))
    assert class_name in str(refused(model="three.keras"))


def test_a_vocabulary_is_not_read_from_a_file(folder: Path, refused: Refused) -> None:
    (folder / "secret").write_text("password\n")

    def change(config: dict[str, Any]) -> None:
        settings = {"name": "first", "vocabulary": str(folder / "secret")}
        layer(config, "first").update(class_name="StringLookup", config=settings, registered_name=None)

    for name in ("m.h5", "m.keras"):
        save_changed(folder / name, change)
        error = refused(model=name)
        assert (error.code, "vocabulary" in str(error)) == ("EP-237", True)


def _kernel(stored: Any) -> tuple[Any, str]:
    """The group of the first layer's kernel, and its name there."""
    found: list[str] = []
    stored.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) and item.shape == (4, 3) else None)
    group, _, name = found[0].rpartition("/")
    return stored[group], name


def _external_content(group: Any, name: str, other: Path) -> None:
    other.write_bytes(np.arange(12, dtype="float32").tobytes())
    group.create_dataset(name, (4, 3), "float32", external=[(str(other), 0, 48)])


def _external_link(group: Any, name: str, other: Path) -> None:
    with h5py.File(other, "w") as file:
        file["numbers"] = np.ones((4, 3), "float32")
    group[name] = h5py.ExternalLink(str(other), "numbers")


def _virtual(group: Any, name: str, other: Path) -> None:
    with h5py.File(other, "w") as file:
        file["numbers"] = np.ones((4, 3), "float32")
    layout = h5py.VirtualLayout((4, 3), "float32")
    layout[:] = h5py.VirtualSource(str(other), "numbers", (4, 3))
    group.create_virtual_dataset(name, layout)


def _enormous(group: Any, name: str, other: Path) -> None:
    group.create_dataset(name, (1 << 20, 1 << 20), "float32", chunks=(64, 64))


LEADING_OUT = [_external_content, _external_link, _virtual, _enormous]


@pytest.mark.parametrize("make", LEADING_OUT)
@pytest.mark.parametrize("name", FORMATS)
def test_weights_come_from_the_file_itself(
    name: str, make: Callable[[Any, str, Path], None], folder: Path, tmp_path: Path, refused: Refused
) -> None:
    """As the model, and as weights for a model that is built."""
    save_changed(folder / name, lambda config: None)
    changed = tmp_path / "weights.h5" if name.endswith(".keras") else folder / name
    if name.endswith(".keras"):
        rewrite_keras(folder / name, lambda members: (changed.write_bytes(members["model.weights.h5"]), members)[1])
    with h5py.File(changed, "r+") as stored:
        group, kernel = _kernel(stored)
        del group[kernel]
        make(group, kernel, tmp_path / "other")
    if name.endswith(".keras"):
        rewrite_keras(folder / name, lambda members: members | {"model.weights.h5": changed.read_bytes()})
    assert refused(model=name).code == "EP-237"
    (folder / "model.py").write_text(
        "import tf_keras\ndef build():\n    layers = tf_keras.layers\n"
        "    return tf_keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.Dense(2)])\n"
    )
    assert refused(weights=name).code == "EP-237"


def test_a_file_is_of_one_kind(folder: Path, refused: Refused) -> None:
    """Keras goes by the end of the name; what was checked has to be what is opened."""
    save_changed(folder / "zip.keras", lambda config: None)
    save_changed(folder / "m.h5", lambda config: None)
    with zipfile.ZipFile(folder / "zip.keras") as archive, zipfile.ZipFile(folder / "m.h5", "a") as both:
        for name in archive.namelist():
            both.writestr(name, archive.read(name))
    shutil.move(folder / "m.h5", folder / "m.keras")
    assert "at once" in str(refused(model="m.keras"))
    shutil.move(folder / "zip.keras", folder / "zip.h5")
    assert refused(model="zip.h5").code == "EP-237"


def test_a_zip_file_that_unpacks_to_far_more_is_refused(folder: Path, refused: Refused) -> None:
    save_changed(folder / "m.keras", lambda config: None)
    with zipfile.ZipFile(folder / "m.keras", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/zeros", bytes((1 << 30) + 1), compresslevel=1)
    assert "unpacks" in str(refused(model="m.keras"))


def test_deeply_nested_json_is_an_error_of_one_line(folder: Path, refused: Refused) -> None:
    save_changed(folder / "m.keras", lambda config: None)
    rewrite_keras(folder / "m.keras", lambda members: members | {"config.json": b"[" * 100_000 + b"]" * 100_000})
    assert refused(model="m.keras").code == "EP-221"


def test_json_may_spell_a_name_in_any_way(folder: Path, refused: Refused) -> None:
    save_changed(folder / "m.keras", lambda config: layer(config, "first").update(class_name="Lambda"))
    rewrite_keras(
        folder / "m.keras",
        lambda members: members | {"config.json": members["config.json"].replace(b'"Lambda"', b'"\\u004cambd\\u0061"')},
    )
    assert json.dumps("Lambda") != '"\\u004cambd\\u0061"'
    assert refused(model="m.keras").code == "EP-223"
