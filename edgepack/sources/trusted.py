"""Model files that a user trusts to run code of their own: opened in a process apart, and what comes back is checked.

The process has no network, writes to a scratch folder only, and its memory and time are bounded (`workers.confinement`). All that
it hands back is data that this process reads as it reads any stranger's: a stored model whose description says whether code is
left in it, or arrays. Such code runs again, in this process, whenever the model is trained or converted.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import site
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import ModelError, UnknownLayer
from edgepack.ground.files import canonical_json
from edgepack.ground.scratch import scratch_folder
from edgepack.sources.keras.files import code_in, file_kind
from edgepack.sources.keras.frameworks import import_tf_keras
from edgepack.sources.keras.store import read_untrusted_index, stored_hash
from edgepack.sources.keras.weights import Donor, LayerWeights
from edgepack.sources.limits import LoadLimits, too_large, too_long
from edgepack.workers.confinement.memory import resident_memory
from edgepack.workers.worker import Worker, WorkerFailure

_MAIN = Path(__file__).parents[1] / "workers" / "worker_main.py"
_PROGRAM = Path(__file__).with_name("trusted_worker.py")
_RUNTIME = 1 << 30  # bytes of memory that TensorFlow may hold by itself
_MOST_FILES = 10_000  # in the scratch folder
_SIGN = "EDGEPACK-OPENS"  # begins what the worker prints before it opens the file: what it can no longer do
_START_SECONDS = 300.0
_PROTECTIONS = {"network": "using the network", "writing": "writing elsewhere"}


@dataclass(frozen=True)
class TrustedFile:
    """A model file that may run its own code; `custom_objects` is "model.py:NAME" in the project `folder`."""

    file: Path
    custom_objects: str | None
    folder: Path
    limits: LoadLimits


@dataclass(frozen=True)
class _Done:
    """What the worker answered, and what it could not do meanwhile."""

    answer: dict[str, Any]
    kept_off: tuple[str, ...]


def store_trusted(trusted: TrustedFile, objects: Mapping[str, Any], weights: Path | None, target: Path) -> None:
    """What `store_model` does, for a model file whose code is run; `weights` is a file that is trusted as well.

    Raises:
        ModelError: EP-238 … EP-241 for a file that takes too much, too long, or wants what it may not have; and as `open_model`
            and `store_model` say.
    """
    opened = [trusted.file, *([weights] if weights is not None and file_kind(weights) != "h5" else [])]
    with _opened(trusted, {"weights": str(weights.absolute()) if weights else None, "weights_only": False}) as (out, done):
        model, described = _regular(out / "model.h5", trusted), _regular(out / "model.json", trusted)
        try:
            left, index = code_in(model, objects) is not None, read_untrusted_index(described)
        except (ModelError, OSError, ValueError) as error:
            raise _misbehaved(trusted, f"what it handed back cannot be read: {error}") from error
        used = [reason for reason in (code_in(file, objects) for file in opened) if reason is not None]
        notes = [_note(reason, left, done.kept_off) for reason in used]
        index |= {"sha256": stored_hash(model), "notes": [*notes, *index["notes"]]}
        shutil.copyfile(model, target / "model.h5")
    (target / "model.json").write_bytes(canonical_json(index))


def trusted_donor(trusted: TrustedFile, objects: Mapping[str, Any]) -> Donor:
    """The weights of a model whose code is run; nothing of that code is left in them.

    Raises:
        ModelError: as `store_trusted` says.
    """
    with _opened(trusted, {"weights": None, "weights_only": True}) as (out, done):
        layers, number = [], 0
        for name, count in _layers(done.answer, trusted):
            values = tuple(_array(out / f"{number + index}.npy", trusted) for index in range(count))
            layers.append(LayerWeights(name, values))
            number += count
    used = code_in(trusted.file, objects)
    return Donor(tuple(layers), () if used is None else (_note(used, False, done.kept_off),))


def _note(used: ModelError, left: bool, kept_off: Sequence[str]) -> str:
    text = f"the model file's own code was run: trust = true ({used}). It was opened in a process of its own"
    lacking = [words for name, words in _PROTECTIONS.items() if name not in kept_off]
    if lacking:
        text += f", which this system cannot keep from {' nor from '.join(lacking)}"
    if left:
        text += "; what is left of it runs again when the model is trained or converted, without that process's limits"
    return text


@contextmanager
def _opened(trusted: TrustedFile, task: Mapping[str, Any]) -> Iterator[tuple[Path, _Done]]:
    """Run the worker; the folder it filled, and how it ended."""
    with scratch_folder("edgepack-model-") as name:
        scratch = Path(name).resolve()
        out = scratch / "out"
        out.mkdir()
        job = {
            "file": str(trusted.file.absolute()),
            "custom_objects": trusted.custom_objects,
            "folder": str(trusted.folder.absolute()),
            "scratch": str(name),
            "out": str(out),
            "memory": trusted.limits.memory,
            "seconds": trusted.limits.seconds,
            "sign": _SIGN,
            "path": [os.path.abspath(path) for path in sys.path],
            **task,
        }
        yield out, _answer(trusted, job, scratch)


def _answer(trusted: TrustedFile, job: Mapping[str, Any], scratch: Path) -> _Done:
    limits, where, began = trusted.limits, trusted.file.name, math.inf
    kept_off: list[str] = []

    def watch(line: str) -> None:
        nonlocal began
        if began == math.inf and line.startswith(_SIGN):  # the first such line: nothing of the file's has run yet
            began = time.monotonic()
            kept_off.extend(line.split()[1:])

    def look(pid: int) -> None:
        if time.monotonic() > began + limits.seconds:
            raise too_long(where, limits)
        if resident_memory(pid) > limits.memory + _RUNTIME:
            raise too_large(where, limits)
        if _folder_size(scratch) > limits.memory:
            raise _misbehaved(trusted, "it fills the disk")

    try:
        with Worker([str(_MAIN), str(_PROGRAM)], dict(job), scratch, _environment(scratch)) as worker:
            import_tf_keras()  # this process needs it next, and the other is importing it anyway
            answer = worker.result(_START_SECONDS + limits.seconds, watch, look)
    except WorkerFailure as failure:
        if failure.kind == "timeout" or str(failure) == "SIGXCPU":
            raise too_long(where, limits) from failure
        if "bad_alloc" in failure.words or str(failure) == "SIGKILL":  # the kernel ends who takes the last memory
            raise too_large(where, limits) from failure
        raise _misbehaved(trusted, f"{failure} {failure.words}") from failure
    if "refused" in answer:
        raise _refusal(answer["refused"], trusted)
    return _Done(answer, tuple(kept_off))


def _environment(scratch: Path) -> dict[str, str]:
    """Everything that programs write by themselves goes to the scratch folder; Python's modules are found where they were."""
    places = dict.fromkeys(("HOME", "TMPDIR", "KERAS_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR"), str(scratch))
    paths = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {
        **places,
        **({"PYTHONPATH": os.pathsep.join(paths)} if paths else {}),
        "PYTHONUSERBASE": site.getuserbase(),
        "CUDA_VISIBLE_DEVICES": "-1",  # a device cannot be written to, and needs no second process
    }


def _folder_size(folder: Path) -> int:
    """Bytes of the files below a folder that another process fills."""
    size = files = 0
    for place, _, names in os.walk(folder):
        files += len(names)
        if files > _MOST_FILES:
            return sys.maxsize
        for name in names:
            try:
                size += os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue
    return size


def _refusal(refused: Any, trusted: TrustedFile) -> ModelError:
    found = refused if isinstance(refused, dict) else {}
    kind, message = found.get("kind"), str(found.get("message", "no reason given"))[:500]
    if kind == "memory":
        return too_large(trusted.file.name, trusted.limits)
    if kind == "denied":
        return ModelError(
            "EP-241",
            f"{trusted.file.name}: its code wants what it may not have: {message}",
            "a model file may neither use the network nor write files nor start programs; write such a layer in model.py",
        )
    code = str(found.get("code"))
    if not re.fullmatch(r"EP-2[23]\d", code):
        return _misbehaved(trusted, message)
    return (UnknownLayer if kind == "unknown layer" else ModelError)(code, message, str(found.get("hint", ""))[:500])


def _misbehaved(trusted: TrustedFile, what: str) -> ModelError:
    return ModelError(
        "EP-240",
        f"{trusted.file.name}: the process that ran its code gave no model: {what.strip()[:300]}",
        "open the file in Python by hand to see more; a model without code of its own needs no trust",
    )


def _regular(file: Path, trusted: TrustedFile) -> Path:
    """A file that the worker wrote, when it is one: a link would lead to others."""
    try:
        found = file.lstat()
    except OSError as error:
        raise _misbehaved(trusted, f"it wrote no {file.name}") from error
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise _misbehaved(trusted, f"its {file.name} is not a file of its own")
    return file


def _layers(answer: Mapping[str, Any], trusted: TrustedFile) -> list[tuple[str, int]]:
    layers = answer.get("layers")
    if not isinstance(layers, list):
        raise _misbehaved(trusted, "it named no layers")
    for entry in layers:
        match entry:
            case [str(), int() as count] if 0 <= count <= _MOST_FILES:
                continue
        raise _misbehaved(trusted, "it named no layers")
    return [(name, count) for name, count in layers]


def _array(file: Path, trusted: TrustedFile) -> NDArray[Any]:
    """An array of numbers; mapped first, so that a file cannot promise more than it holds."""
    try:
        return np.array(np.load(_regular(file, trusted), mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise _misbehaved(trusted, f"its {file.name} holds no array") from error
