"""Loading a project's model: whatever its source, a Keras 2 .h5 in the cache, or a checked .tflite."""

from __future__ import annotations

import hashlib
import json
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from edgepack.flatbuffer import Model, read_model
from edgepack.ground.cache import Cache
from edgepack.ground.errors import EdgepackError, ModelError
from edgepack.ground.files import canonical_json, hash_of
from edgepack.ground.progress import Progress
from edgepack.project.types import Project
from edgepack.sources.data.dataset import Dataset, facts_of
from edgepack.sources.fingerprint import Fingerprints
from edgepack.sources.keras.build import build_model
from edgepack.sources.keras.compare import largest_difference
from edgepack.sources.keras.config import check_own_layers
from edgepack.sources.keras.custom_objects import DEFAULT_NAME, load_custom_objects
from edgepack.sources.keras.files import OpenedModel, file_kind, open_model
from edgepack.sources.keras.frameworks import import_tf_keras, versions
from edgepack.sources.keras.keras3 import rebuild
from edgepack.sources.keras.precision import has_half_precision, in_float32
from edgepack.sources.keras.weights import load_weights
from edgepack.sources.user_code import FunctionSource, function_source, named_files, source_files

# Changes whenever the same source would be stored differently.
_VERSION = 1
# How far a rebuilt or stored model's outputs may be from the original's, as a share of the largest output: rounding in a deep
# network of float32 layers, and in one of half precision. A layer that means something else is off by more.
_TOLERANCE = 1e-3
_HALF_TOLERANCE = 2e-2
_WRITE_ANEW = "write the model with tf_keras in model.py and load the weights"


@dataclass(frozen=True)
class TensorSpec:
    """A model's input or output: name, shape without the batch dimension (None where it is open), NumPy type."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class SourceModel:
    """A project's model before compression.

    `file` is a Keras 2 .h5, or a .tflite, in the cache. `sha256` covers layers, weights and the user's own layer code, not the
    file's bytes, which HDF5 does not repeat. `custom_objects` is "model.py:NAME" in the project `folder`. `trained` tells that
    the weights come from a file rather than from initialisers. `notes` say what a user should know of the loading. `content` is
    a .tflite as it was read, None for a Keras model.
    """

    kind: str
    file: Path
    sha256: str
    custom_objects: str | None
    notes: tuple[str, ...]
    folder: Path
    trained: bool
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    content: Model | None = field(default=None, repr=False, compare=False)


def load_model(project: Project, cache: Cache, progress: Progress, data: Dataset | None = None) -> SourceModel:
    """A project's model, from the cache when neither its source nor the Keras versions changed.

    `data` is for a `build(data)` that makes the model fit the data's sizes.

    Raises:
        ModelError: EP-220 … EP-236, each naming the file, line or layer; EP-20x and EP-21x for a damaged .tflite.
        ToolError: EP-620 when a Keras model has to be read and TensorFlow is not installed.
    """
    folder = project.folder.resolve()
    settings = project.model
    fingerprints = Fingerprints(cache)
    facts = facts_of(data) if data is not None else None
    function = function_source(settings.source, folder)
    file = folder / settings.source
    if function is None and file_kind(file) == "tflite":
        return _load_tflite(file, folder, cache, fingerprints)
    setting = _custom_objects_setting(settings.custom_objects, function, folder)
    inputs: dict[str, Any] = {"version": _VERSION, "versions": versions(), "custom_objects": _code(setting, folder, fingerprints)}
    if function is not None:
        inputs |= {"function": function.function, "seed": project.data.seed, "facts": asdict(facts) if facts else None}
        inputs["code"] = _function_code(function, folder, fingerprints)
    else:
        inputs["model"] = fingerprints.of(file)
    weights = folder / settings.weights if settings.weights else None
    if weights is not None:
        file_kind(weights)
        inputs["weights"] = fingerprints.of(weights)

    def compute(target: Path) -> None:
        with progress.stage("Loading the model", settings.source) as task:
            if function is not None:
                build_model(
                    function,
                    folder,
                    project.data.seed,
                    facts,
                    lambda opened, objects: store_keras(opened, objects, weights, target),
                )
            else:
                objects = load_custom_objects(setting, folder)
                store_keras(open_model(file, objects), objects, weights, target, file.name)
            task.finish(f"{read_index(target)['parameters']:,} parameters")

    hit = cache.stage("model", inputs, compute)
    found = stored_keras(hit.folder, folder, trained=function is None or weights is not None)
    if setting is None:
        return found
    return replace(found, sha256=hash_of([found.sha256, inputs["custom_objects"]]), custom_objects=setting)


def stored_keras(stored: Path, folder: Path, trained: bool) -> SourceModel:
    """The model that `store_keras` put into the folder `stored`, of a project in `folder`."""
    index = read_index(stored)
    return SourceModel(
        kind="keras",
        file=stored / "model.h5",
        sha256=index["sha256"],
        custom_objects=None,
        notes=tuple(index["notes"]),
        folder=folder,
        trained=trained,
        inputs=_specs(index["inputs"]),
        outputs=_specs(index["outputs"]),
    )


def open_keras(source: SourceModel) -> Any:
    """The Keras 2 model of a source, as a tf_keras.Model that is not compiled.

    Raises:
        ModelError: EP-235 when the project's custom objects cannot be loaded any more.
    """
    return _reopen(source.file, load_custom_objects(source.custom_objects, source.folder))


def _custom_objects_setting(setting: str | None, function: FunctionSource | None, folder: Path) -> str | None:
    """The setting, or the CUSTOM_OBJECTS of the file that builds the model when it mentions them."""
    if setting is not None or function is None or not function.file.is_file():
        return setting
    if DEFAULT_NAME not in function.file.read_text(encoding="utf-8", errors="replace"):
        return None
    return f"{function.file.relative_to(folder).as_posix()}:{DEFAULT_NAME}"


def _code(setting: str | None, folder: Path, fingerprints: Fingerprints) -> dict[str, str]:
    source = function_source(setting, folder) if setting else None
    return _function_code(source, folder, fingerprints) if source else {}


def _function_code(source: FunctionSource, folder: Path, fingerprints: Fingerprints) -> dict[str, str]:
    """The hash of a function's file, of the project's files it imports, and of the project's files their code names."""
    if not source.file.is_file():
        return {}
    code = source_files(source.file, folder)
    named = {file for path in code for file in named_files(path, folder)}
    return {str(file.relative_to(folder)): fingerprints.of(file) for file in sorted({*code, *named})}


def store_keras(
    opened: OpenedModel, objects: Mapping[str, Any], weights: Path | None, target: Path, where: str = "the built model"
) -> None:
    """Bring a model to Keras 2, load weights, write model.h5 and its index, and check that what was written computes the same."""
    notes = []
    model = rebuild(opened.model, where, objects) if opened.generation == 3 else opened.model
    if opened.generation == 3:
        difference = _agreement(opened.model, model, where)
        notes.append(f"rebuilt from Keras 3 with Keras 2; outputs for random inputs differ by {difference}")
    check_own_layers(model, where, objects)
    if has_half_precision(model):
        model = in_float32(model, objects)
        notes.append("the model's half precision was brought to float32")
    if weights is not None:
        load_weights(model, weights, objects)
    model = _flat_model(model)
    _save(model, target / "model.h5", where)
    _agreement(model, _reopen(target / "model.h5", objects), where)
    index = {
        "sha256": content_hash(model),
        "parameters": int(model.count_params()),
        "notes": notes,
        "inputs": [_spec(tensor, name) for tensor, name in zip(model.inputs, model.input_names, strict=True)],
        "outputs": [_spec(tensor, name) for tensor, name in zip(model.outputs, model.output_names, strict=True)],
    }
    (target / "model.json").write_bytes(canonical_json(index))


def _agreement(first: Any, second: Any, where: str) -> str:
    """How far two models that should be the same are apart, as text.

    Raises:
        ModelError: EP-233 when they are not the same.
    """
    try:
        difference = largest_difference(first, second)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError("EP-233", f"{where}: the model brought to Keras 2 does not run: {reason}", _WRITE_ANEW) from error
    if difference is None:
        return "an amount that was not measured: the model takes no random input"
    half = any("16" in str(getattr(layer, "compute_dtype", "")) for layer in first.layers)
    if not difference <= (_HALF_TOLERANCE if half else _TOLERANCE):
        raise ModelError(
            "EP-233",
            f"{where}: the model brought to Keras 2 differs from the original by {difference:.2g} on random inputs",
            f"a layer means something else in Keras 2; {_WRITE_ANEW}",
        )
    return f"at most {difference:.1e}"


def _flat_model(model: Any) -> Any:
    """A model whose inputs and outputs are lists rather than dicts; the layers are the same objects."""
    if isinstance(getattr(model, "input", None), dict) or isinstance(getattr(model, "output", None), dict):
        return import_tf_keras().Model(list(model.inputs), list(model.outputs), name=model.name)
    return model


def _save(model: Any, file: Path, where: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.save(file, save_format="h5", include_optimizer=False)
    except NotImplementedError as error:
        if "HDF5" in str(error):
            raise ModelError(
                "EP-229",
                f"{where}: {type(model).__name__} is a subclassed model, whose layers are connected by Python code",
                "build the model with the functional API: Model(inputs, outputs)",
            ) from error
        raise _unstorable(where, error) from error
    except (TypeError, ValueError, RuntimeError) as error:
        raise _unstorable(where, error) from error


def _unstorable(where: str, error: Exception) -> ModelError:
    reason = " ".join(str(error).split())[:200]
    hint = "give your layers a get_config() of plain values, and their weights names of their own"
    return ModelError("EP-224", f"{where}: a layer cannot be stored: {reason}", hint)


def _reopen(file: Path, objects: Mapping[str, Any]) -> Any:
    try:
        return import_tf_keras().models.load_model(file, custom_objects=dict(objects), compile=False)
    except EdgepackError:
        raise
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(
            "EP-224",
            f"the model cannot be opened again after storing: {' '.join(str(error).split())[:200]}",
            "list every class and function of your own in CUSTOM_OBJECTS in model.py, and give your layers a get_config()",
        ) from error


def content_hash(model: Any) -> str:
    """SHA-256 of the layers' configuration and the weights."""
    digest = hashlib.sha256()
    digest.update(json.dumps(json.loads(model.to_json())["config"], sort_keys=True).encode())
    for weight in model.get_weights():
        digest.update(str((weight.dtype.str, weight.shape)).encode())
        digest.update(weight.tobytes())
    return digest.hexdigest()


def _spec(tensor: Any, name: str) -> dict[str, Any]:
    return {"name": name, "shape": list(tensor.shape)[1:], "dtype": tensor.dtype.name}


def _specs(stored: list[dict[str, Any]]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(entry["name"], tuple(entry["shape"]), entry["dtype"]) for entry in stored)


def read_index(folder: Path) -> dict[str, Any]:
    """What `store_keras` wrote beside the model."""
    index: dict[str, Any] = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    return index


def _load_tflite(file: Path, folder: Path, cache: Cache, fingerprints: Fingerprints) -> SourceModel:
    """A ready .tflite, copied into the cache once it was found whole."""

    def compute(target: Path) -> None:
        read_model(file)
        shutil.copyfile(file, target / "model.tflite")

    hit = cache.stage("model", {"version": _VERSION, "tflite": fingerprints.of(file)}, compute)
    stored = hit.folder / "model.tflite"
    content = read_model(stored)
    graph = content.subgraphs[0]

    def specs(indices: tuple[int, ...]) -> tuple[TensorSpec, ...]:
        tensors = [graph.tensors[index] for index in indices]
        return tuple(TensorSpec(tensor.name, tuple(tensor.shape[1:]), tensor.dtype) for tensor in tensors)

    inputs, outputs = specs(graph.inputs), specs(graph.outputs)
    return SourceModel("tflite", stored, content.sha256, None, (), folder, True, inputs, outputs, content)
