"""Warnings of a .tflite's layers that compute the same for every example."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.diagnosis import StillLayers, find_still_layers
from edgepack.ground.cache import Cache
from edgepack.ground.errors import ModelError
from edgepack.ground.files import canonical_json, sha256_file
from edgepack.ground.plain import typed
from edgepack.ground.progress import Progress
from edgepack.sources import Dataset, Examples

_VERSION = 1
_EXAMPLES = 32


def still_warnings(file: Path, data: Dataset, cache: Cache, progress: Progress) -> tuple[str, ...]:
    """What is to be told of the layers that never change, on validation examples (or test, without validation); cached.

    Nothing where LiteRT cannot show a file's tensors.
    """
    split = data.validation if len(data.validation) > 1 else data.test
    inputs = spread(split.inputs, _EXAMPLES)
    if len(inputs[0]) < 2:
        return ()
    key = {"version": _VERSION, "model": sha256_file(file), "data": data.sha256, "examples": len(inputs[0])}

    def compute(folder: Path) -> None:
        with progress.stage("Looking for dead layers", f"{len(inputs[0])} examples") as task:
            found = find_still_layers(file, inputs, task)
            task.finish("none" if not found.warnings else "found")
            (folder / "still.json").write_bytes(canonical_json(asdict(found)))

    try:
        stored = (cache.stage("still_layers", key, compute).folder / "still.json").read_text()
    except ModelError:
        return ()
    return typed(StillLayers, json.loads(stored)).warnings


def spread(arrays: Sequence[Examples], count: int) -> list[NDArray[Any]]:
    """`count` examples, evenly spread: data sorted by class must not leave a class out."""
    rows = np.linspace(0, len(arrays[0]) - 1, min(count, len(arrays[0]))).round().astype(int)
    return [np.asarray(array[rows]) for array in arrays]
