"""A float model without some of its channels, as the step `structured` would leave it before any training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgepack.compress.keras.kernels import kernels
from edgepack.compress.keras.models import start_afresh, training_versions
from edgepack.compress.quantization.int8 import channels_first
from edgepack.compress.results import Compressed
from edgepack.compress.steps.structured import Structured
from edgepack.compress.stored import known_objects, open_compressed, store_model
from edgepack.compress.work import Work
from edgepack.ground.cache import Cache
from edgepack.ground.files import canonical_json
from edgepack.ground.progress import SilentProgress
from edgepack.sources import Dataset

_VERSION = 1


@dataclass(frozen=True)
class Slimmer:
    """The model, and by layer the largest weight of each output channel of its kernels."""

    compressed: Compressed
    largest: Mapping[str, tuple[tuple[float, ...], ...]]


def slimmer(compressed: Compressed, data: Dataset, removed: Mapping[str, float], cache: Cache) -> Slimmer:
    """The float model that `compressed` holds without these shares of layers' channels, the ones with the smallest weights;
    the model as it is when `removed` is empty.

    Raises:
        RecipeError: EP-412 when no layer named can lose a channel.
    """
    inputs = {
        "version": _VERSION,
        "versions": training_versions(),
        "model": compressed.sha256,
        "removed": dict(removed),
    }

    def compute(folder: Path) -> None:
        start_afresh(0)
        model = open_compressed(compressed)
        if removed:
            step = Structured(ratio=max(removed.values()), layers=tuple(removed), per_layer=dict(removed), epochs=0)
            with known_objects(compressed.source), SilentProgress().stage("") as task:
                model = step.apply(model, Work(data, task))
        largest: dict[str, list[list[float]]] = {}
        for kernel in kernels(model):
            rows = abs(channels_first(kernel.kind, kernel.name, kernel.values)).max(axis=1)
            largest.setdefault(kernel.layer, []).append(rows.tolist())
        sha256 = store_model(model, folder / "model.h5")
        (folder / "slimmer.json").write_bytes(canonical_json({"sha256": sha256, "largest": largest}))

    folder = cache.stage("slimmer", inputs, compute).folder
    stored = json.loads((folder / "slimmer.json").read_text())
    largest = {name: tuple(tuple(rows) for rows in found) for name, found in stored["largest"].items()}
    return Slimmer(replace(compressed, file=folder / "model.h5", sha256=stored["sha256"]), largest)
