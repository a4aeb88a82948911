"""Data stays as narrow as it came, on the disk and mapped, and is the same numbers to whoever reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.ground.cache import Cache
from edgepack.ground.progress import SilentProgress
from edgepack.project import DataSettings
from edgepack.sources import Dataset, load_data
from edgepack.sources.data.examples import Converted, pick
from edgepack.sources.data.folds import fold_data
from edgepack.sources.given import load_given_data
from tests.sources.conftest import MakeProject

QUIET = SilentProgress()
NARROW = ("uint8", "int8", "uint16", "int16", ">u2", "bool", "float16")


def images(dtype: str) -> np.ndarray:
    values = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 100, (40, 4, 5, 3))
    return values.astype(dtype)


def loaded(cache: Cache, x: np.ndarray, y: Any = None, **settings: Any) -> Dataset:
    given = (x, np.arange(len(x)) % 2 if y is None else y)
    return load_given_data(given, DataSettings(**settings), cache, QUIET)


@pytest.mark.parametrize("dtype", NARROW)
def test_a_narrow_type_is_stored_in_its_own_bytes_and_read_as_float32(dtype: str, cache: Cache) -> None:
    x = images(dtype)
    data, as_floats = loaded(cache, x), loaded(cache, x.astype(np.float32))
    array = data.train.inputs[0]
    assert isinstance(array, Converted) and isinstance(array.rows, np.memmap)
    assert array.rows.dtype == np.dtype(dtype).newbyteorder("=")
    assert (array.dtype, array.shape) == (np.float32, as_floats.train.inputs[0].shape)
    for rows in (slice(None, None, 3), slice(2, 9), np.array([5, 1, 1])):
        np.testing.assert_array_equal(np.asarray(array[rows]), as_floats.train.inputs[0][rows])
    np.testing.assert_array_equal(array[3], as_floats.train.inputs[0][3])
    np.testing.assert_array_equal(np.asarray(pick(array, np.array([4, 0]))), as_floats.train.inputs[0][[4, 0]])
    np.testing.assert_array_equal(data.test.labels, as_floats.test.labels)


def test_a_slice_reads_nothing(cache: Cache) -> None:
    part = loaded(cache, images("uint8")).train.inputs[0][::2]
    assert isinstance(part, Converted) and part.rows.base is not None


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float16", "float32", "int32"])
def test_scaled_values_are_those_of_scaling_before_storing(dtype: str, folder: Path, cache: Cache, project: MakeProject) -> None:
    x = images(dtype)
    np.savez(folder / "d.npz", x_train=x, y_train=np.arange(40) % 2, x_test=x[:8], y_test=np.arange(8) % 2)
    settings = {"scale": 1 / 255, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    data = load_data(project("d.npz", preprocessing=settings), cache, QUIET)
    factor, shift = 1 / 255 / np.array(settings["std"]), -np.array(settings["mean"]) / np.array(settings["std"])
    np.testing.assert_array_equal(np.asarray(data.test.inputs[0]), (x[:8] * factor + shift).astype(np.float32))
    summary = data.summary.splits[2].inputs[0]
    values = np.asarray(data.test.inputs[0])
    assert (summary.low, summary.high) == pytest.approx((values.min(), values.max()))
    kept = list(cache.folder.rglob("train.input0.npy"))
    assert np.load(kept[0]).dtype == (np.uint8 if dtype == "uint8" else np.int16 if dtype == "int16" else np.float32)


def test_flattening_keeps_what_a_channel_is_scaled_by() -> None:
    rows = Converted(np.ones((2, 3, 2), np.uint8), factor=np.array([1.0, 10.0]), shift=np.array([0.0, 0.5]))
    np.testing.assert_array_equal(np.asarray(rows.reshape((2, 6)))[0], [1, 10.5] * 3)
    np.testing.assert_array_equal(np.asarray(rows.reshape((2, 3, 1, 2)))[0, 0, 0], [1, 10.5])


def test_masks_are_as_narrow_as_the_images(cache: Cache) -> None:
    masks = np.random.default_rng(0).integers(0, 3, (40, 4, 5)).astype(np.uint8)
    data = loaded(cache, images("uint8"), masks)
    assert data.train.labels is not None and data.train.labels.dtype == np.uint8
    whole = loaded(cache, images("uint8"), masks.astype(np.float32))
    assert whole.train.labels is not None and whole.train.labels.dtype == np.int32


def test_folds_are_narrow_too(cache: Cache) -> None:
    data = loaded(cache, images("uint8"))
    fold = fold_data(data, 3, 0, 0, cache, QUIET)
    array = fold.train.inputs[0]
    assert isinstance(array, Converted) and array.rows.dtype == np.uint8
    everything = np.concatenate([np.asarray(split.inputs[0]) for split in (fold.train, fold.test)])
    assert sorted(everything.reshape(len(everything), -1).sum(axis=1)) == sorted(
        np.asarray(data.train.inputs[0]).reshape(len(everything), -1).sum(axis=1)
    )


def test_a_metric_of_the_projects_own_computes_with_whole_numbers(tmp_path: Path) -> None:
    from edgepack.metrics import load_metric

    (tmp_path / "m.py").write_text("def f(outputs, labels, inputs):\n    return float((inputs[0] * 2 + labels * 200).max())\n")
    inputs = (Converted(np.full((2, 1), 200, np.uint8)),)
    assert load_metric("m:f", tmp_path).compute((np.zeros((2, 1)),), np.full((2, 1), 2, np.uint8), inputs) == 800
