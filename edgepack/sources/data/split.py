"""Cutting the splits a source did not give: seeded, and with every class in proportion."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.sources.data.raw import Index, RawData, RawSplit


def complete(
    raw: RawData, *, validation: float, test: float, representative: int, seed: int, every_class: bool = False
) -> RawData:
    """`raw` with the splits it lacks: `test` and `validation` are shares of the training examples (0..1) and are taken out
    of them; `representative` is a number of examples that stay in the training split too. The test split is never used.

    With `every_class` a class of two examples or more is in both parts of a cut, whatever the share; one of a single example
    stays in train.
    """
    splits = dict(raw.splits)
    if "test" not in splits:
        splits["train"], splits["test"] = _cut(splits["train"], test, seed, every_class)
    if "validation" not in splits:
        splits["train"], splits["validation"] = _cut(splits["train"], validation, seed + 1, every_class)
    if "representative" not in splits:
        train = splits["train"]
        chosen = stratified(train.numbers(), len(train), min(representative, len(train)), seed + 2)
        splits["representative"] = replace(train.take(chosen), labels=None, cut=True, origin="from train")
    return replace(raw, splits=splits)


def _cut(split: RawSplit, share: float, seed: int, every_class: bool) -> tuple[RawSplit, RawSplit]:
    """Two splits: what remains, and about `share` of the examples (at least one, where there are two)."""
    count = min(max(round(share * len(split)), 1), len(split) - 1) if share > 0 else 0
    chosen = stratified(split.numbers(), len(split), max(count, 0), seed)
    if every_class and count > 0:
        chosen = _with_every_class(split.numbers(), len(split), chosen, seed)
    rest = np.setdiff1d(np.arange(len(split), dtype=np.int64), chosen)
    return split.take(rest), replace(split.take(chosen), cut=True, origin="cut from train")


def _with_every_class(labels: NDArray[Any] | None, total: int, chosen: Index, seed: int) -> Index:
    """`chosen` with one row of each class that it lacks, and without the last row that the rest would have of a class."""
    random = np.random.default_rng(seed)
    picked = np.zeros(total, bool)
    picked[chosen] = True
    for rows in _by_class(labels, total):
        taken = picked[rows]
        if len(rows) > 1 and not taken.any():
            picked[random.choice(rows)] = True
        elif taken.all():
            picked[rows[-1]] = False
    return np.flatnonzero(picked).astype(np.int64)


def stratified(labels: NDArray[Any] | None, total: int, count: int, seed: int) -> Index:
    """`count` of `total` row numbers, sorted, each class in proportion to its share of `labels`.

    The rows of every class are shuffled and spread evenly over 0..1; the `count` lowest are taken, so that shares are kept to
    within one row a class. Labels that are absent or are not class numbers are treated as one class.

    >>> stratified(np.array([0, 0, 0, 0, 1, 1]), 6, 3, seed=0)
    array([2, 3, 4])
    """
    random = np.random.default_rng(seed)
    place = np.empty(total, np.float64)
    for rows in _by_class(labels, total):
        place[random.permutation(rows)] = (np.arange(len(rows)) + random.random()) / len(rows)
    return np.sort(np.argsort(place, kind="stable")[:count])


def _by_class(labels: NDArray[Any] | None, total: int) -> list[Index]:
    if labels is None or labels.ndim != 1 or labels.dtype.kind not in "iub":
        return [np.arange(total, dtype=np.int64)]
    order = np.argsort(labels, kind="stable")
    _, starts = np.unique(labels[order], return_index=True)
    return np.split(order, starts[1:])
