"""What cannot be learned from is said in one line, with its code, before anything is stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.ground.cache import Cache
from edgepack.ground.errors import DataError
from edgepack.ground.progress import SilentProgress
from edgepack.sources import load_data
from edgepack.sources.data.dataset import facts_of
from edgepack.sources.data.folds import fold_data
from tests.sources.conftest import MakeProject

Arrays = dict[str, Any]


def whole() -> Arrays:
    random = np.random.default_rng(0)
    return {
        "x_train": random.normal(size=(60, 4)),
        "y_train": np.arange(60) % 3,
        "x_test": random.normal(size=(12, 4)),
        "y_test": np.arange(12) % 3,
    }


def changed(key: str, change: Callable[[np.ndarray], np.ndarray]) -> Arrays:
    arrays = whole()
    arrays[key] = change(arrays[key])
    return arrays


def put(position: tuple[int, int], value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array[position] = value
        return array

    return change


FAULTS = {
    "nan": (changed("x_train", put((7, 2), np.nan)), "EP-309", "example 7 holds nan"),
    "inf in test": (changed("x_test", put((3, 0), np.inf)), "EP-309", "test: example 3 holds inf"),
    "beyond float32": (changed("x_test", put((3, 0), 1e300)), "EP-309", "not a finite float32"),
    "nan in labels": (changed("y_train", lambda y: np.where(y == 2, np.nan, y)), "EP-314", "train labels hold nan"),
    "too few labels": (changed("y_test", lambda y: y[:-1]), "EP-307", "test has 12 examples and 11 labels"),
    "strings": (changed("x_train", lambda x: x.astype(str)), "EP-308", "train inputs are strings, not numbers"),
    "string labels": (changed("y_train", lambda y: y.astype(str)), "EP-308", "train labels are strings"),
    "complex": (changed("x_train", lambda x: x.astype(complex)), "EP-308", "complex numbers"),
    "other shape": (changed("x_test", lambda x: x[:, :3]), "EP-306", "test inputs have the shape 3, those of train 4"),
    "class missing in test": (
        changed("y_test", lambda y: y % 2),
        "EP-313",
        "class 2 does not occur in test, a split of the data's own; train has 18",
    ),
    "class missing in train": (
        changed("y_train", lambda y: y % 2),
        "EP-313",
        "class 2 does not occur in train, a split of the data's own; test has 4",
    ),
    "classes from one": (
        whole() | {"y_train": whole()["y_train"] + 1, "y_test": whole()["y_test"] + 1},
        "EP-313",
        "class 0 does not occur in train nor in test",
    ),
    "negative class": (changed("y_train", lambda y: y - 1), "EP-314", "train labels hold -1"),
    "fractions": (changed("y_train", lambda y: y + 0.5), "EP-314", r"train labels hold 0\.5"),
    "empty test": (changed("x_test", lambda x: x[:0]) | {"y_test": np.zeros(0, int)}, "EP-312", "test has no examples"),
    "empty representative": (whole() | {"x_representative": np.zeros((0, 4))}, "EP-316", "representative is empty"),
    "too many classes": (
        whole() | {"classes": np.array(["a", "b"])},
        "EP-313",
        "class number 2 occurs, but there are 2 class names",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_data_is_refused(fault: str, folder: Path, cache: Cache, project: MakeProject) -> None:
    arrays, code, text = FAULTS[fault]
    np.savez(folder / "d.npz", **arrays)
    with pytest.raises(DataError, match=text) as error:
        load_data(project("d.npz"), cache, SilentProgress())
    assert error.value.code == code
    assert error.value.hint
    assert "\n" not in str(error.value)
    assert not [entry for entry in cache.folder.iterdir() if entry.is_dir()]


def test_missing_data_is_named(folder: Path, cache: Cache, project: MakeProject) -> None:
    for source, path, text in (
        ("gone.npz", None, "gone.npz does not exist"),
        ("d.npz", folder / "no such file.npz", "no such file.npz does not exist"),
        (None, None, "names no data"),
    ):
        with pytest.raises(DataError, match=text) as error:
            load_data(project(source), cache, SilentProgress(), path)
        assert error.value.code == "EP-301"


def test_two_examples_are_too_few_to_cut_three_splits_from(folder: Path, cache: Cache, project: MakeProject) -> None:
    np.savez(folder / "d.npz", x=np.zeros((2, 3)), y=np.array([0, 1]))
    with pytest.raises(DataError, match="no examples are left for validation"):
        load_data(project("d.npz"), cache, SilentProgress())


@pytest.mark.parametrize("form", ["column", "one-hot", "whole floats", "bool"])
def test_class_labels_of_every_usual_form_become_numbers(form: str, folder: Path, cache: Cache, project: MakeProject) -> None:
    numbers = np.arange(40) % 2
    labels = {
        "column": numbers[:, None],
        "one-hot": np.eye(2, dtype=np.float32)[numbers],
        "whole floats": numbers.astype(np.float32),
        "bool": numbers.astype(bool),
    }[form]
    np.savez(folder / "d.npz", x_train=np.zeros((40, 3)), y_train=labels, x_test=np.zeros((40, 3)), y_test=labels)
    data = load_data(project("d.npz"), cache, SilentProgress())
    np.testing.assert_array_equal(data.test.labels, numbers)
    assert data.test.labels.dtype == np.int64


def test_real_valued_labels_are_kept_for_a_regression(folder: Path, cache: Cache, project: MakeProject) -> None:
    values = np.linspace(-1, 1, 40)
    np.savez(folder / "d.npz", x_train=np.zeros((40, 3)), y_train=values, x_test=np.zeros((40, 3)), y_test=values)
    data = load_data(project("d.npz", metric="mse"), cache, SilentProgress())
    np.testing.assert_allclose(data.test.labels, values, rtol=1e-6)


def test_anomaly_data_has_no_training_labels(folder: Path, cache: Cache, project: MakeProject) -> None:
    np.savez(folder / "d.npz", x_train=np.zeros((40, 3)), x_test=np.zeros((10, 3)), y_test=np.arange(10) % 2)
    data = load_data(project("d.npz", metric="auc"), cache, SilentProgress())
    assert data.train.labels is None and data.validation.labels is None
    assert list(np.bincount(data.test.labels)) == [5, 5]


def small(counts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.arange(len(labels), dtype=np.float32)[:, None], labels


@pytest.mark.parametrize("counts", [[3, 3, 3], [3] * 40, [100, 3], [200, 2, 2], [4, 30, 5], [2, 9]])
@pytest.mark.parametrize("seed", range(5))
def test_each_class_reaches_the_splits_that_are_cut(
    counts: list[int], seed: int, folder: Path, cache: Cache, project: MakeProject
) -> None:
    x, y = small(counts)
    np.savez(folder / "d.npz", x=x, y=y)
    data = load_data(project("d.npz", seed=seed), cache, SilentProgress())
    everything = np.concatenate([split.inputs[0][:, 0] for split in (data.train, data.validation, data.test)])
    assert sorted(everything) == list(range(len(x)))
    for split, least in ((data.train, 1), (data.test, 2), (data.validation, 3)):
        assert {number for number, count in enumerate(counts) if count >= least} <= set(split.labels.tolist())
    assert data.warnings == ()


def test_too_few_examples_for_three_splits_say_how_many_are_needed(folder: Path, cache: Cache, project: MakeProject) -> None:
    x, y = small([2, 2])
    np.savez(folder / "d.npz", x=x, y=y)
    with pytest.raises(DataError, match="no examples are left for validation") as error:
        load_data(project("d.npz"), cache, SilentProgress())
    assert "three of each class" in error.value.hint


def test_a_class_of_one_example_is_trained_on_and_warned_of(folder: Path, cache: Cache, project: MakeProject) -> None:
    x, y = small([20, 1, 20])
    np.savez(folder / "d.npz", x=x, y=y, class_names=np.array(["ant", "bee", "fly"]))
    for seed in range(5):
        data = load_data(project("d.npz", seed=seed), cache, SilentProgress())
        assert 1 in data.train.labels and 1 not in data.test.labels
        (warning,) = data.warnings
        assert "class 1 (bee): a single example, which stays in train; test, cut by edgepack, has none" in warning
        assert "Two examples" in warning


def test_shares_of_large_classes_are_what_was_asked_for(folder: Path, cache: Cache, project: MakeProject) -> None:
    x, y = small([300, 200, 100])
    np.savez(folder / "d.npz", x=x, y=y)
    data = load_data(project("d.npz", test=0.2, validation=0.1), cache, SilentProgress())
    assert np.bincount(data.test.labels).tolist() == [60, 40, 20]
    assert abs(np.bincount(data.validation.labels) - [24, 16, 8]).max() <= 1


def test_a_name_without_examples_and_a_gap_are_told_apart(folder: Path, cache: Cache, project: MakeProject) -> None:
    x, y = small([20, 20])
    np.savez(folder / "d.npz", x=x, y=y, classes=np.array(["ant", "bee", "fly"]))
    with pytest.raises(DataError, match=r"class 2 \(fly\) does not occur in train$") as error:
        load_data(project("d.npz"), cache, SilentProgress())
    assert "take its name out" in error.value.hint
    np.savez(folder / "d.npz", x=x, y=y * 2)
    with pytest.raises(DataError, match=r"class 1 does not occur in train$") as error:
        load_data(project("d.npz"), cache, SilentProgress())
    assert "the labels go from 0 to 2" in error.value.hint


@pytest.mark.parametrize(
    ("metric", "labels", "classes"),
    [
        ("accuracy", np.arange(60) % 3, 3),
        ("F1-macro", np.eye(3)[np.arange(60) % 3], 3),
        ("mse", np.arange(60) * 200 // 60, None),
        ("mse", np.arange(60) % 3, None),
        ("mse", np.linspace(0, 1, 60), None),
        ("m.py:f", np.arange(60) % 3, 3),
        ("m.py:f", (np.arange(60) % 3) * 50, None),
        ("m.py:f", np.arange(60) % 3 - 1, None),
    ],
)
def test_labels_that_are_values_are_no_classes(
    metric: str, labels: np.ndarray, classes: int | None, folder: Path, cache: Cache, project: MakeProject
) -> None:
    np.savez(folder / "d.npz", x=np.zeros((60, 2)), y=labels)
    data = load_data(project("d.npz", metric=metric), cache, SilentProgress())
    assert facts_of(data).classes == classes
    assert facts_of(data, regressed=True).classes is None
    fold_data(data, 4, 0, 0, cache, SilentProgress())


def test_the_data_is_told_before_a_training(folder: Path, cache: Cache, project: MakeProject) -> None:
    x, y = small([30, 20, 10])
    np.savez(folder / "d.npz", x=(x % 7).astype(np.uint8), y=y, classes=np.array(["ant", "bee", "fly"]))
    data = load_data(project("d.npz"), cache, SilentProgress())
    assert data.summary is not None
    assert data.summary.lines() == [
        "train: 42 examples, 1 uint8 0 to 6; 3 classes: ant 21, bee 14, fly 7",
        "validation: 6 examples (cut from train), 1 uint8 1 to 5; 3 classes: ant 3, bee 2, fly 1",
        "test: 12 examples (cut from train), 1 uint8 0 to 6; 3 classes: ant 6, bee 4, fly 2",
    ]
    many, numbers = small([5] * 29 + [6])
    np.savez(folder / "d.npz", x=many, y=numbers)
    lines = load_data(project("d.npz"), cache, SilentProgress()).summary.lines()  # type: ignore[union-attr]
    assert "; 30 classes of " in lines[0] and len(lines[0]) < 120
    np.savez(folder / "d.npz", x=many, y=numbers * 7.5)
    lines = load_data(project("d.npz", metric="mse"), cache, SilentProgress()).summary.lines()  # type: ignore[union-attr]
    assert "; labels 0 to 217.5" in lines[0]
