"""Which classes are taken for which, and which labels are missed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.metrics.reading import Reading
from edgepack.metrics.rows import Outputs, rows_of


def confusion_matrix(outputs: Outputs, labels: NDArray[Any] | None, reading: Reading | None = None) -> NDArray[np.int64] | None:
    """Counts of test examples by true class (row) and predicted class (column); None where the labels are no classes.

    Classes are whole-number labels, or one-hot rows; a model with one output predicts class 1 above the reading's threshold.
    """
    reading = reading or Reading()
    if labels is None or outputs[0].ndim != 2 or labels.dtype.kind not in "fiub" or reading.multilabel:
        return None
    width = max(2, outputs[0].shape[1])
    one_hot = labels.ndim == 2 and labels.shape[1] == width and bool(np.all(np.isin(labels, (0, 1))))
    whole = labels.ndim == 1 or labels.shape[1:] == (1,)
    if not one_hot and not (whole and bool(np.all(labels == np.floor(labels)))):
        return None
    rows = rows_of(outputs, labels, reading)
    if rows.truth.min() < 0 or rows.truth.max() >= width:
        return None
    pairs = rows.truth * width + rows.predicted
    return np.bincount(pairs, minlength=width * width).reshape(width, width).astype(np.int64)


def label_confusion(outputs: Outputs, labels: NDArray[Any] | None, reading: Reading) -> NDArray[np.int64] | None:
    """For each label of several an example its true negatives, false positives, false negatives and true positives (labels, 4),
    in scikit-learn's order; None where an example has one class."""
    if not reading.multilabel or labels is None:
        return None
    rows = rows_of(outputs, labels, reading)
    said, true = rows.predicted, rows.truth
    counts = [((said == answer) & (true == truth)).sum(axis=0) for truth, answer in ((0, 0), (0, 1), (1, 0), (1, 1))]
    found: NDArray[np.int64] = np.stack(counts, axis=1).astype(np.int64)
    return found
