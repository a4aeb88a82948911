"""Cutting the training data into folds for cross-validation, without holding it in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.cache import Cache
from edgepack.ground.errors import DataError
from edgepack.ground.files import hash_of
from edgepack.ground.progress import Progress
from edgepack.sources.data.dataset import Dataset, Split, read_dataset
from edgepack.sources.data.raw import RawData, RawSplit
from edgepack.sources.data.store import store

_VERSION = 2
_REPRESENTATIVE = 500


def fold_data(data: Dataset, count: int, number: int, seed: int, cache: Cache, progress: Progress) -> Dataset:
    """The data set in which fold `number` (from 0) of `count` is the test split, and the other folds are the training split.

    Folds are cut from `data.train`, shuffled with `seed`, with each class spread evenly where the labels are classes; validation
    stays what it is and the test split of `data` is never touched. The representative examples come from the new training split.

    Raises:
        DataError: EP-321 when there are fewer examples (of a class) than folds.
    """
    key = {"version": _VERSION, "data": data.sha256, "count": count, "number": number, "seed": seed}

    def compute(folder: Path) -> None:
        train, test = _rows(data.train, count, number, seed, data.labels_are_values)
        chosen = train[np.linspace(0, len(train) - 1, min(len(train), _REPRESENTATIVE)).round().astype(np.int64)]
        inputs, labels = data.train.inputs, data.train.labels
        splits = {
            "train": RawSplit(inputs, labels, train),
            "validation": RawSplit(data.validation.inputs, data.validation.labels),
            "test": RawSplit(inputs, labels, test),
            "representative": RawSplit(inputs, None, np.sort(chosen)),
        }
        where = f"fold {number + 1} of {count}"
        raw = RawData(where, splits, data.class_names, data.preprocessing, data.input_names, data.labels_are_values)
        with progress.stage("Cutting the data", f"{where} held out") as task:
            store(raw, folder, lambda share: task.update(int(100 * share), 100, f"{len(train)} to train, {len(test)} held out"))

    return read_dataset(cache.stage("fold", key, compute).folder)


def judge_by_validation(data: Dataset) -> Dataset:
    """The same data with its validation examples in the place of the test split, which is not part of it.

    For choosing among recipes: what trains on it trains as on `data`, and is judged on validation.

    Raises:
        DataError: EP-325 when there are no validation examples.
    """
    if not len(data.validation):
        raise DataError("EP-325", "there are no validation examples to choose by", "set [data] validation to 0.2, or give some")
    return replace(data, test=data.validation, sha256=hash_of({"data": data.sha256, "test": "validation"}))


def _rows(split: Split, count: int, number: int, seed: int, values: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the training and of the held-out part, each in rising order; `values`: the labels are no classes."""
    from sklearn.model_selection import KFold, StratifiedKFold

    labels = split.labels
    classes = None
    if labels is not None and labels.ndim == 2 and labels.shape[1] > 1 and bool(np.isin(labels, (0, 1)).all()):
        one_hot = bool((labels.sum(axis=1) == 1).all())
        classes = np.asarray(labels).argmax(axis=1) if one_hot else None
    elif labels is not None and labels.dtype.kind in "iu" and not values and labels.size == len(labels):
        classes = np.asarray(labels).reshape(-1)
    fewest = len(split) if classes is None else int(np.unique(classes, return_counts=True)[1].min())
    if fewest < count:
        what = "training examples" if classes is None else "training examples of a class"
        raise DataError("EP-321", f"{count} folds cannot be cut from {fewest} {what}", "use fewer folds, or give more data")
    cutter = KFold if classes is None else StratifiedKFold
    folds = cutter(count, shuffle=True, random_state=seed).split(np.zeros(len(split)), classes)
    train, test = list(folds)[number]
    return train.astype(np.int64), test.astype(np.int64)
