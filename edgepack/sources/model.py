"""Loading a project's model: whatever its source, a Keras 2 .h5 in the cache, or a checked .tflite."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from edgepack.flatbuffer import Model, read_model
from edgepack.ground.cache import Cache
from edgepack.ground.files import hash_of
from edgepack.ground.progress import Progress
from edgepack.project.types import ModelSettings, Project
from edgepack.sources.data.dataset import Dataset, facts_of
from edgepack.sources.fingerprint import Fingerprints
from edgepack.sources.keras.build import build_model
from edgepack.sources.keras.custom_objects import DEFAULT_NAME, load_custom_objects
from edgepack.sources.keras.files import file_kind, open_model
from edgepack.sources.keras.frameworks import versions
from edgepack.sources.keras.store import reopen, store_model
from edgepack.sources.keras.weights import Donor, open_donor
from edgepack.sources.limits import limits_of, within_memory
from edgepack.sources.trusted import TrustedFile, store_trusted, trusted_donor
from edgepack.sources.user_code import FunctionSource, function_source, named_files, source_files

# Changes whenever the same source would be stored differently.
_VERSION = 4
_TRUSTED_VERSION = 2
_REGRESSIONS = ("mse", "mae", "huber")  # losses of a step that compare values


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
    a .tflite as it was read, None for a Keras model. `settings` are those that it was loaded with.
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
    settings: ModelSettings = field(default=ModelSettings(""), repr=False, compare=False)


def load_model(project: Project, cache: Cache, progress: Progress, data: Dataset | None = None) -> SourceModel:
    """A project's model, from the cache when neither its source nor the Keras versions changed.

    `data` is for a `build(data)` that makes the model fit the data's sizes.

    Raises:
        ModelError: EP-220 … EP-241, each naming the file, line or layer; EP-20x and EP-21x for a damaged .tflite.
        ToolError: EP-620 when a Keras model has to be read and TensorFlow is not installed.
    """
    folder = project.folder.resolve()
    settings, limits = project.model, limits_of(project.model)
    fingerprints = Fingerprints(cache)
    regressed = any(table.options.get("loss") in _REGRESSIONS for table in project.recipe)
    facts = facts_of(data, regressed) if data is not None else None
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
    if settings.trust:
        inputs["trust"] = _TRUSTED_VERSION
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
                    lambda opened, objects: store_model(opened, objects, weights, target, open_donor=donor),
                )
            else:
                objects = load_custom_objects(setting, folder)
                if settings.trust:
                    store_trusted(TrustedFile(file, setting, folder, limits), objects, weights, target)
                else:
                    with within_memory(file.name, limits):
                        store_model(open_model(file, objects), objects, weights, target, file.name)
            task.finish(f"{read_index(target)['parameters']:,} parameters")

    def donor(file: Path, objects: Mapping[str, Any]) -> Donor:
        if settings.trust:
            return trusted_donor(TrustedFile(file, setting, folder, limits), objects)
        with within_memory(file.name, limits):
            return open_donor(file, objects)

    hit = cache.stage("model", inputs, compute)
    found = stored_keras(hit.folder, folder, trained=function is None or weights is not None)
    found = replace(found, settings=settings)
    if setting is None:
        return found
    return replace(found, sha256=hash_of([found.sha256, inputs["custom_objects"]]), custom_objects=setting)


def is_ready(project: Project) -> bool:
    """Whether a project's model is a .tflite, which nothing has to be trained or calibrated for.

    Raises:
        ModelError: EP-220 … EP-222 where its file is none.
    """
    folder = project.folder.resolve()
    return function_source(project.model.source, folder) is None and file_kind(folder / project.model.source) == "tflite"


def stored_keras(stored: Path, folder: Path, trained: bool) -> SourceModel:
    """The model that `store_model` put into the folder `stored`, of a project in `folder`."""
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
    return reopen(source.file, load_custom_objects(source.custom_objects, source.folder))


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


def _specs(stored: list[dict[str, Any]]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(entry["name"], tuple(entry["shape"]), entry["dtype"]) for entry in stored)


def read_index(folder: Path) -> dict[str, Any]:
    """What `store_model` wrote beside the model."""
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
