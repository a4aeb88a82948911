"""Loading a project's data: whatever its source, the same four splits of memory-mapped arrays."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgepack.ground.cache import Cache
from edgepack.ground.errors import DataError
from edgepack.ground.files import hash_of
from edgepack.ground.progress import Progress, Task
from edgepack.project.types import DataSettings, Project
from edgepack.sources.data.batches import Spool
from edgepack.sources.data.check import check_complete, check_given, is_class_metric, labels_are_values
from edgepack.sources.data.dataset import SPLITS, Dataset, read_dataset
from edgepack.sources.data.images import read_images
from edgepack.sources.data.npz import read_npz
from edgepack.sources.data.python_data import load_from_function
from edgepack.sources.data.raw import RawData
from edgepack.sources.data.scale import apply_preprocessing
from edgepack.sources.data.split import complete
from edgepack.sources.data.store import store
from edgepack.sources.fingerprint import Fingerprints
from edgepack.sources.user_code import FunctionSource, function_source, named_files, source_files

# Changes whenever the same source would be stored differently.
_VERSION = 2

Read = Callable[[Path], RawData]

# The files that are read: the ending of their name, what a message calls one, and the function that reads it into a `RawData`
# with the help of a scratch folder, and of what [data] max_unpacked says.
_FILES: dict[str, tuple[str, Callable[[Path, Path, int | None], RawData]]] = {".npz": ("an .npz", read_npz)}


def load_data(project: Project, cache: Cache, progress: Progress, path: Path | None = None, ready: bool = False) -> Dataset:
    """The data of a project, from the cache when neither the source nor the settings changed.

    `path` is data given for this run: it is passed to the project's function, or stands in for its file or folder. The
    first use reads, checks, splits and stores everything; later ones only map the files. A model that is `ready` needs test
    examples only.

    Raises:
        DataError: EP-301 … EP-319, each naming what is wrong and where.
        ProjectError: none; the settings were checked when the project was loaded.
    """
    folder = project.folder.resolve()
    settings = project.data
    if path is not None and not path.exists():
        raise DataError("EP-301", f"the data {path} does not exist", "check the path given with --data or EDGEPACK_DATA")
    fingerprints = Fingerprints(cache)
    function = function_source(settings.source, folder) if settings.source else None
    if function is not None:
        spool = Spool(cache.folder, settings.max_unpacked)
        key, read = _from_function(function, settings, folder, path, fingerprints, spool, progress)
    else:
        key, read = _from_files(settings, folder, path, fingerprints)
    return _stored(key, read, settings, cache, progress, ready)


def load_given(
    key: Mapping[str, str], raw: RawData, settings: DataSettings, cache: Cache, progress: Progress, ready: bool = False
) -> Dataset:
    """Data that is in memory already, split, checked and stored as a project's is; `key` tells it apart for the cache.

    Raises:
        DataError: EP-303 … EP-319, each naming what is wrong.
    """
    return _stored({"name": raw.where, **key}, lambda scratch: raw, settings, cache, progress, ready)


def _stored(key: Mapping[str, str], read: Read, settings: DataSettings, cache: Cache, progress: Progress, ready: bool) -> Dataset:
    inputs = {"version": _VERSION, "settings": _stage_settings(settings), **key, **({"ready": True} if ready else {})}

    def compute(target: Path) -> None:
        with progress.stage("Storing data", str(key["name"])) as task:
            _compute(target, read, settings, task, ready)

    return read_dataset(cache.stage("data", inputs, compute).folder)


def _compute(target: Path, read: Read, settings: DataSettings, task: Task, ready: bool) -> None:
    scratch = target / "scratch"
    raw = apply_preprocessing(check_given(read(scratch), settings.metric), settings.preprocessing)
    raw = replace(raw, labels_are_values=labels_are_values(raw.train.labels, settings.metric))
    if "train" in raw.splits:
        raw = complete(
            raw,
            validation=settings.validation,
            test=settings.test,
            representative=settings.representative,
            seed=settings.seed,
            every_class=is_class_metric(settings.metric),
        )
        raw = replace(raw, warnings=(*raw.warnings, *check_complete(raw, settings.metric)))
    elif ready:
        none = raw.splits["test"].take(np.arange(0))
        raw = replace(raw, splits={**dict.fromkeys(SPLITS, none), **raw.splits})
    else:
        found = ", ".join(raw.splits)
        raise DataError(
            "EP-303",
            f"{raw.where}: there are no training examples, only {found}",
            "give train examples too; a ready .tflite alone can do without them",
        )
    store(raw, target, lambda share: task.update(share, 1.0))
    del raw
    shutil.rmtree(scratch, ignore_errors=True)


def _stage_settings(settings: DataSettings) -> dict[str, object]:
    return {
        "metric": settings.metric,
        "validation": settings.validation,
        "test": settings.test,
        "seed": settings.seed,
        "representative": settings.representative,
        "image_size": list(settings.image_size) if settings.image_size else None,
        "color": settings.color,
        "preprocessing": settings.preprocessing,
    }


def _from_files(
    settings: DataSettings, folder: Path, path: Path | None, fingerprints: Fingerprints
) -> tuple[dict[str, str], Read]:
    """The key and the reader of a file or an image folder."""
    if path is None and settings.source is None:
        raise DataError(
            "EP-301",
            "the project names no data",
            'set source under [data] to "data.py:load", an .npz file or a folder of images, or give --data',
        )
    file = path if path is not None else folder / str(settings.source)
    if not os.path.exists(file):  # which, unlike Path's, is False for a name that no file can have
        hint = "check [data] source in edgepack.toml, or give --data"
        raise DataError("EP-301", f"the data {str(settings.source)[:300]} does not exist in the project", hint)
    if file.is_dir():
        key = {"name": file.name, "images": fingerprints.of(file)}
        return key, lambda scratch: read_images(file, settings.image_size, settings.color)
    known = _FILES.get(file.suffix.lower())
    if known is None:
        hint = f"give {', '.join(phrase for phrase, _ in _FILES.values())}, a folder of images or a function in data.py"
        raise DataError("EP-301", f"{file.name}: not a kind of data edgepack reads", hint)
    if not file.is_file():
        raise DataError("EP-301", f"{file.name}: is not a regular file", "give a file, not a pipe or a device")
    _, read = known
    return {"name": file.name, "archive": fingerprints.of(file)}, lambda scratch: read(file, scratch, settings.max_unpacked)


def _from_function(
    source: FunctionSource,
    settings: DataSettings,
    folder: Path,
    path: Path | None,
    fingerprints: Fingerprints,
    spool: Spool,
    progress: Progress,
) -> tuple[dict[str, str], Read]:
    """The key and the reader of a function.

    The key holds the code (the function's file and the project's files it imports), the given data, and the files the
    function was seen to read when it last ran. When that is not known yet, the function runs here.
    """
    if any(key in settings.preprocessing for key in ("scale", "offset", "mean", "std")):
        raise DataError(
            "EP-319",
            f"[data.preprocessing] scales the values of files, but the data comes from {source.file.name}",
            f"scale in {source.file.name} and return preprocessing to record it, or keep only note",
        )
    files = source_files(source.file, folder) if source.file.is_file() else []
    files += [named for file in files for named in named_files(file, folder)]
    code = {str(file.relative_to(folder)): fingerprints.of(file) for file in files}
    given = fingerprints.of(path) if path is not None else ""
    base = hash_of({"function": source.function, "code": code, "given": given})
    seen = f"read by {base}"
    loaded: list[RawData] = []

    def read(scratch: Path) -> RawData:
        with progress.stage("Running", f"{source.file.name}:{source.function}"):
            raw, opened = load_from_function(source, folder, path, spool)
        inside = path.resolve() if path is not None else None
        others = [file for file in opened.paths if inside is None or not file.resolve().is_relative_to(inside)]
        fingerprints.remember(seen, sorted(str(file) for file in others))
        return raw

    if fingerprints.recall(seen) is None:
        loaded.append(read(Path()))
    others = [file for name in fingerprints.recall(seen) if (file := Path(name)).is_file()]
    key = {
        "name": f"{source.file.name}:{source.function}",
        "code": base,
        "read": fingerprints.of_files(others, folder, f"contents {seen}") if others else "",
    }
    return key, lambda scratch: loaded.pop() if loaded else read(scratch)
