"""Data in one byte a value trains, calibrates, is judged and packed to the same bytes as the same data in four."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from edgepack.flatbuffer import read_model
from edgepack.ground.cache import Cache
from edgepack.ground.progress import SilentProgress
from edgepack.metrics import load_metric
from edgepack.pack import choose_golden_inputs
from edgepack.pipeline.candidate import try_recipe
from edgepack.project import DataSettings
from edgepack.sources import match_data
from edgepack.sources.given import load_given_data
from tests.compress.small import digits_net, recipe, source_of

QUIET = SilentProgress()


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["accuracy", "f1"])
def test_the_model_is_the_same_to_the_byte(metric: str, tmp_path: Path) -> None:
    digits = load_digits()
    x, y = digits.images[:600, ..., None], digits.target[:600]
    source = source_of(digits_net(), tmp_path / "source", trained=False)
    steps = recipe(
        {"step": "train", "epochs": 1, "learning_rate": 0.01},
        {"step": "quantize", "aware": True, "epochs": 1} if metric == "accuracy" else {"step": "quantize", "aware": False},
    )
    found = []
    for dtype in (np.uint8, np.float32):
        cache = Cache(tmp_path / np.dtype(dtype).name)
        data = match_data(load_given_data((x.astype(dtype), y), DataSettings(metric=metric), cache, QUIET), source, cache)
        tried = try_recipe(source, data, steps, load_metric(metric, tmp_path), cache, QUIET)
        content = read_model(tried.converted.file)
        golden = choose_golden_inputs(content, data.test.inputs)
        found.append((tried.converted.file.read_bytes(), tried.evaluation, [array.tobytes() for array in golden.arrays]))
        stored = np.load(next(cache.folder.glob("data-*/train.input0.npy")))
        assert stored.dtype == dtype
    assert found[0] == found[1]
