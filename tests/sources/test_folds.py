"""Folds hold every training example out once, spread the classes, and touch neither validation nor test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgepack.ground.cache import Cache
from edgepack.ground.errors import DataError
from edgepack.ground.progress import SilentProgress
from edgepack.sources import Dataset, Split
from edgepack.sources.data.folds import fold_data


def numbered(classes: int | None, one_hot: bool = False) -> Dataset:
    """90 training examples whose only feature is their number."""

    def split(start: int, count: int) -> Split:
        numbers = np.arange(start, start + count)
        labels = None if classes is None else numbers % classes
        if labels is not None and one_hot:
            labels = np.eye(classes or 0)[labels]
        return Split((numbers.astype(np.float32)[:, None],), labels)

    return Dataset(split(0, 90), split(1000, 10), split(2000, 10), split(0, 5), "numbered", ("a", "b"), {"scale": 1})


def numbers(split: Split) -> list[int]:
    return [int(value) for value in split.inputs[0][:, 0]]


@pytest.mark.parametrize(("classes", "one_hot"), [(3, False), (3, True), (None, False)])
def test_every_training_example_is_held_out_once(classes: int | None, one_hot: bool, tmp_path: Path) -> None:
    data = numbered(classes, one_hot)
    folds = [fold_data(data, 4, number, 7, Cache(tmp_path), SilentProgress()) for number in range(4)]
    assert sorted(number for fold in folds for number in numbers(fold.test)) == list(range(90))
    for fold in folds:
        assert sorted(numbers(fold.train) + numbers(fold.test)) == list(range(90))
        assert set(numbers(fold.representative)) <= set(numbers(fold.train))
        assert numbers(fold.validation) == numbers(data.validation)
        assert (fold.class_names, fold.preprocessing) == (data.class_names, data.preprocessing)
        if classes is not None:
            labels = fold.test.labels if not one_hot else fold.test.labels.argmax(axis=1)
            assert labels.tolist() == [number % 3 for number in numbers(fold.test)]
            assert np.ptp(np.bincount(labels)) <= 1
    assert len({fold.sha256 for fold in folds}) == 4
    again = fold_data(data, 4, 0, 7, Cache(tmp_path / "other"), SilentProgress())
    assert again.sha256 == folds[0].sha256
    assert numbers(fold_data(data, 4, 0, 8, Cache(tmp_path), SilentProgress()).test) != numbers(folds[0].test)


def test_more_folds_than_examples_of_a_class_are_refused(tmp_path: Path) -> None:
    few = replace(numbered(3), train=Split((np.zeros((6, 1)),), np.array([0, 0, 1, 1, 2, 2])))
    with pytest.raises(DataError) as caught:
        fold_data(few, 3, 0, 0, Cache(tmp_path), SilentProgress())
    assert caught.value.code == "EP-321" and "2 training examples of a class" in str(caught.value)
