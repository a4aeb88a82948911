"""One small training that several tests look at."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgepack.compress import Compressed, compress
from edgepack.compress.stored import open_stored
from edgepack.ground.cache import Cache
from edgepack.ground.progress import SilentProgress
from edgepack.metrics import Metric, load_metric

from ..conftest import Once
from .small import digits, digits_net, recipe, source_of


@dataclass(frozen=True)
class Walk:
    """A recipe that ran, and the cache it ran with."""

    compressed: Compressed
    cache: Cache
    steps: Any
    folders: tuple[Path, ...]

    def model(self, stage: str) -> Any:
        """The stored Keras model of a stage."""
        (folder,) = (folder for folder in self.folders if folder.name.startswith(f"{stage}-"))
        return open_stored(self.compressed.source, folder / "model.h5")


@pytest.fixture(scope="session")
def accuracy() -> Metric:
    return load_metric("accuracy", Path())


@pytest.fixture(scope="session")
def walk(tmp_path_factory: pytest.TempPathFactory, once: Once, accuracy: Metric) -> Walk:
    """The digits network trained, pruned to half (depthwise too), and trained for int8.

    Trained once for all rooms and workers; each has a copy of the cache.
    """
    folder = tmp_path_factory.mktemp("walk")
    steps = recipe(
        {"step": "train", "epochs": 10, "learning_rate": 0.01},
        {"step": "prune", "epochs": 4, "learning_rate": 0.003, "depthwise": True},
        {"step": "quantize", "epochs": 2, "learning_rate": 0.001},
    )
    source = source_of(digits_net(), folder / "source", trained=False)

    def walked(cache: Path) -> Compressed:
        return compress(source, digits(), steps, accuracy, Cache(cache), SilentProgress())

    shutil.copytree(once("walk", walked), folder / "cache")
    compressed = walked(folder / "cache")
    return Walk(compressed, Cache(folder / "cache"), steps, tuple((folder / "cache").iterdir()))
