"""What kind of model a file is, and opening those of both Keras generations: .h5, .keras and SavedModel folders."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edgepack.ground.errors import EdgepackError, ModelError, UnknownLayer
from edgepack.project.model_file import KERAS_SUFFIXES
from edgepack.sources.keras.config import check_layers, refuse_wrapper, stored_layers
from edgepack.sources.keras.config_check import TRUST, by_stored_name, check_config
from edgepack.sources.keras.containers import check_container
from edgepack.sources.keras.frameworks import import_h5py, import_keras3, import_tf_keras
from edgepack.sources.keras.h5_functions import readable_functions
from edgepack.sources.keras.keras3.substitutes import SUBSTITUTES
from edgepack.sources.keras.own_layers import completed
from edgepack.sources.keras.saved_model import check_saved_model, open_saved_model
from edgepack.sources.user_code import standard_error

FileKind = Literal["h5", "keras", "saved_model", "tflite"]
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
    if path.suffix in KERAS_SUFFIXES:
        what = "is empty" if not head else "is damaged: it does not begin like such a file"
        raise ModelError("EP-221", f"{path.name} {what}", "save the model again, or copy it again if it was cut short")
    raise ModelError("EP-222", f"{path.name}: not a kind of model edgepack reads", _KINDS)


def open_model(path: Path, custom_objects: Mapping[str, Any], trust: bool = False) -> OpenedModel:
    """The model in a .h5 or .keras file or a SavedModel folder.

    Everything the file names is checked before anything is built (`config_check`, `saved_model`), so that nothing in it acts on
    this machine. With `trust` links and sizes alone are checked, and the file's own code is run: Lambda layers, any functions of
    TensorFlow, modules it imports. That belongs into a process that may do nothing else (`sources.trusted`).

    Raises:
        ModelError: EP-220 … EP-225, EP-231, EP-232, EP-236, EP-237: the file is missing, damaged, of another kind, holds Lambda
            layers, classes that were not given, wrappers of TF-MOT or what is more than data, is no Keras model, or holds only
            weights.
    """
    kind = file_kind(path)
    with _explained(path):
        if kind == "saved_model":
            if not trust:
                check_saved_model(path, custom_objects)
            return OpenedModel(open_saved_model(path, custom_objects, trust), 2)
        config, generation = _read_config(path, kind)
        if not trust:
            _check(config, generation, path.name, custom_objects)
        for layer in stored_layers(config):
            refuse_wrapper(layer.class_name, layer.name, path.name)
        if generation == 3:
            _refuse_keras2_classes(config, path, custom_objects)
        return OpenedModel(_load(path, generation, completed(by_stored_name(config, custom_objects)), trust), generation)


def code_in(path: Path, custom_objects: Mapping[str, Any]) -> ModelError | None:
    """What makes a file more than data, as the error that `open_model` refuses it with; None for one that needs no trust.

    Raises:
        ModelError: EP-220 … EP-222, EP-231, EP-237: the file cannot be read, or leads to other files, which no trust allows.
    """
    kind = file_kind(path)
    with _explained(path):
        config, generation = ({}, 2) if kind == "saved_model" else _read_config(path, kind)
        try:
            if kind == "saved_model":
                check_saved_model(path, custom_objects)
            else:
                _check(config, generation, path.name, custom_objects)
        except ModelError as error:
            return error
    return None


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """What a library raises for a file, as a ModelError."""
    try:
        yield
    except (EdgepackError, OSError) as error:
        if isinstance(error, OSError) and error.filename is None:  # HDF5 reports damage as OSError without a file
            raise _damaged(path, error) from error
        raise
    except Exception as error:
        raise _load_error(path, error) from error


def _read_config(path: Path, kind: FileKind) -> tuple[Mapping[str, Any], int]:
    """A file's description, which leads to no other file, and the generation of Keras that wrote it."""
    if kind == "h5":
        check_container(path, kind)
        return _read_h5_config(path)
    if kind == "keras":
        check_container(path, kind)
        return _read_keras_config(path)
    raise ModelError("EP-222", f"{path.name}: a .tflite is not a Keras model", "give the Keras model it came from")


def _check(config: Mapping[str, Any], generation: int, where: str, custom_objects: Mapping[str, Any]) -> None:
    otherwise = f"; {TRUST}" if generation == 2 else ""  # a Lambda of Keras 3 cannot be rebuilt with Keras 2 anyhow
    check_layers(
        config, where, {*dir(import_tf_keras().layers), *(SUBSTITUTES if generation == 3 else ())}, custom_objects, otherwise
    )
    check_config(config, where, custom_objects)


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


def _load(path: Path, generation: int, custom_objects: dict[str, Any], trust: bool) -> Any:
    keras = import_tf_keras().models if generation == 2 else import_keras3().saving
    stored = readable_functions(path) if generation == 2 and file_kind(path) == "h5" else nullcontext(path)
    with redirect_stdout(standard_error()), stored as readable:
        return keras.load_model(readable, custom_objects=custom_objects, compile=False, safe_mode=not trust)


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
