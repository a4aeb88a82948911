"""What is said of a dead layer is said again when nothing is computed anew, and only where there are examples to compare."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgepack.ground.cache import Cache
from edgepack.ground.progress import SilentProgress
from edgepack.pipeline.still_layers import still_warnings
from edgepack.sources import Dataset, Split

from ..convert.small_files import int8_file
from ..diagnosis.test_still_layers import IMAGES, MODELS


def data(count: int) -> Dataset:
    split = Split((IMAGES[:count],), np.zeros(count, np.int64))
    return Dataset(split, Split((IMAGES[:0],), None), split, split, f"{count} images", (), {})


def test_a_dead_layer_is_named_each_time(tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    file.write_bytes(int8_file(MODELS["dense"][0](), IMAGES))
    cache = Cache(tmp_path / "cache")
    for _ in range(2):
        warnings = still_warnings(file, data(24), cache, SilentProgress())
        assert warnings[0].startswith("always 0 for each of 24 examples: layer dead")
    assert still_warnings(file, data(1), cache, SilentProgress()) == ()
