"""What kind of model a file is, and opening those of both Keras generations: .h5, .keras and SavedModel folders."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edgepack.ground.errors import EdgepackError, ModelError, UnknownLayer
from edgepack.sources.keras.config import check_layers, refuse_lambda, refuse_wrapper, stored_layers, unknown_layer
from edgepack.sources.keras.frameworks import import_h5py, import_keras3, import_tf_keras
from edgepack.sources.user_code import standard_error

FileKind = Literal["h5", "keras", "saved_model", "tflite"]
# A Lambda's entry in the JSON that SavedModels keep for each Keras layer.
_STORED_LAMBDA = re.compile(rb'"class_name":\s*"Lambda",\s*"config":\s*\{"name":\s*"(?P<name>[^"]*)"')
_KINDS = "give a .keras or .h5 file, a SavedModel folder, a .tflite, or model.py:build"


@dataclass(frozen=True)
class OpenedModel:
    """A model as its own Keras generation opened it (2 or 3)."""

    model: Any
    generation: int


def file_kind(path: Path) -> FileKind:
    """What a model file is, by its content.

    Raises:
        ModelError: EP-220 when it does not exist, EP-221 when it is empty or cut short, EP-222 when it is something else.
    """
    if not path.exists():
        raise ModelError(
            "EP-220",
            f"the model {path.name} does not exist",
            "check [model] source and weights; paths start at the project folder",
        )
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return "saved_model"
        raise ModelError("EP-222", f"{path.name}: a folder without saved_model.pb is not a SavedModel", _KINDS)
    with path.open("rb") as file:
        head = file.read(8)
    if head[:4] == b"PK\x03\x04":
        return "keras"
    if head == b"\x89HDF\r\n\x1a\n":
        return "h5"
    if head[4:8] == b"TFL3" or path.suffix == ".tflite":
        return "tflite"
    if path.suffix in (".h5", ".hdf5", ".keras"):
        what = "is empty" if not head else "is damaged: it does not begin like such a file"
        raise ModelError("EP-221", f"{path.name} {what}", "save the model again, or copy it again if it was cut short")
    raise ModelError("EP-222", f"{path.name}: not a kind of model edgepack reads", _KINDS)


def open_model(path: Path, custom_objects: Mapping[str, Any]) -> OpenedModel:
    """The model in a .h5 or .keras file or a SavedModel folder, opened without running code stored in it.

    Raises:
        ModelError: EP-220 … EP-225, EP-231, EP-232, EP-236: the file is missing, damaged, of another kind, holds Lambda layers,
            classes that were not given or wrappers of TF-MOT, is no Keras model, or holds only weights.
    """
    kind = file_kind(path)
    try:
        if kind == "saved_model":
            return OpenedModel(_open_saved_model(path, custom_objects), 2)
        if kind == "tflite":
            raise ModelError("EP-222", f"{path.name}: a .tflite is not a Keras model", "give the Keras model it came from")
        config, generation = _read_h5_config(path) if kind == "h5" else _read_keras_config(path)
        check_layers(config, path.name, dir(import_tf_keras().layers), custom_objects)
        if generation == 3:
            _refuse_keras2_classes(config, path, custom_objects)
        return OpenedModel(_load(path, generation, custom_objects), generation)
    except (EdgepackError, OSError) as error:
        if isinstance(error, OSError) and error.filename is None:  # HDF5 reports damage as OSError without a file
            raise _damaged(path, error) from error
        raise
    except Exception as error:
        raise _load_error(path, error) from error


def _refuse_keras2_classes(config: Mapping[str, Any], path: Path, custom_objects: Mapping[str, Any]) -> None:
    """Keras 3 cannot open a file with classes derived from Keras 2's layers."""
    base = import_tf_keras().layers.Layer
    for layer in stored_layers(config):
        own = custom_objects.get(layer.registered_name) or custom_objects.get(layer.class_name)
        if isinstance(own, type) and issubclass(own, base):
            raise UnknownLayer(
                "EP-224",
                f"{path.name} is of Keras 3, and the class {layer.class_name} of its layer {layer.name} is given for Keras 2",
                f'write the model with tf_keras in model.py, and set [model] weights = "{path.name}"',
            )


def _load(path: Path, generation: int, custom_objects: Mapping[str, Any]) -> Any:
    with redirect_stdout(standard_error()):
        if generation == 2:
            return import_tf_keras().models.load_model(path, custom_objects=dict(custom_objects), compile=False, safe_mode=True)
        return import_keras3().saving.load_model(path, custom_objects=dict(custom_objects), compile=False, safe_mode=True)


def _read_h5_config(path: Path) -> tuple[Mapping[str, Any], int]:
    with import_h5py().File(path, "r") as file:
        text = file.attrs.get("model_config")
        if text is None:
            raise ModelError(
                "EP-231",
                f"{path.name} holds weights without a model",
                f'set [model] source = "model.py:build" and weights = "{path.name}"',
            )
        version = file.attrs.get("keras_version", "2")
    return json.loads(text), _generation(version)


def _read_keras_config(path: Path) -> tuple[Mapping[str, Any], int]:
    with zipfile.ZipFile(path) as archive:
        if "config.json" not in archive.namelist():
            raise ModelError("EP-222", f"{path.name}: a zip file without config.json is not a Keras model", _KINDS)
        config = json.loads(archive.read("config.json"))
        version = (
            json.loads(archive.read("metadata.json")).get("keras_version", "3") if "metadata.json" in archive.namelist() else "3"
        )
    return config, _generation(version)


def _generation(version: Any) -> int:
    text = version.decode() if isinstance(version, bytes) else str(version)
    return 3 if text.startswith("3") else 2


def _open_saved_model(path: Path, custom_objects: Mapping[str, Any]) -> Any:
    """The Keras model of a SavedModel; those of TensorFlow before 2.5 keep its configuration within saved_model.pb."""
    _refuse_stored_lambdas(path)
    tf_keras = import_tf_keras()
    with redirect_stdout(standard_error()):
        model = tf_keras.models.load_model(path, custom_objects=dict(custom_objects), compile=False)
    if not isinstance(model, tf_keras.Model):
        raise ModelError(
            "EP-225",
            f"{path.name}: a SavedModel without Keras layers, as export() and tf.saved_model.save write them",
            'save the model with model.save("model.keras"), or convert it to a .tflite yourself and give that',
        )
    for layer in model._flatten_layers(include_self=True):
        refuse_lambda(type(layer).__name__, layer.name, path.name)
        refuse_wrapper(type(layer).__name__, layer.name, path.name)
        if type(layer).__module__.endswith("saved_model.load"):  # a stand-in that Keras makes for a class it does not know
            raise unknown_layer(type(layer).__name__, layer.name, path.name)
    return model


def _refuse_stored_lambdas(path: Path) -> None:
    """Look for Lambda layers in the metadata before anything is opened."""
    for name in ("keras_metadata.pb", "saved_model.pb"):
        file = path / name
        found = _STORED_LAMBDA.search(file.read_bytes()) if file.is_file() else None
        if found:
            refuse_lambda("Lambda", found["name"].decode(errors="replace"), path.name)


def _damaged(path: Path, error: Exception) -> ModelError:
    return ModelError(
        "EP-221", f"{path.name} is damaged: {_line(error)}", "save the model again, or copy it again if it was cut short"
    )


def _load_error(path: Path, error: Exception) -> ModelError:
    text = _line(error)
    if isinstance(error, zipfile.BadZipFile | json.JSONDecodeError | KeyError | EOFError | UnicodeDecodeError):
        return _damaged(path, error)
    if any(word in str(error) for word in ("custom_objects", "register_keras_serializable", "Unknown ")):
        hint = 'list it in CUSTOM_OBJECTS in model.py and set [model] custom_objects = "model.py:CUSTOM_OBJECTS"'
        return UnknownLayer("EP-224", f"{path.name} uses something that is not part of Keras: {text}", hint)
    return ModelError("EP-221", f"{path.name} cannot be opened: {text}", "save the model again with the installed Keras version")


def _line(error: Exception) -> str:
    """The first sentence of a library's message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[0][:200]
