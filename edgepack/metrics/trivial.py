"""What an answer that never looks at the input gets: a model has to be better than that."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import EdgepackError
from edgepack.metrics.metric import Metric
from edgepack.metrics.reading import Reading
from edgepack.metrics.rows import Inputs
from edgepack.metrics.scores import CLASS_SCORES, VALUE_SCORES


def no_better_than_trivial(
    metric: Metric,
    value: float,
    interval: tuple[float, float] | None,
    labels: NDArray[Any] | None,
    inputs: Inputs,
    reading: Reading,
) -> str:
    """A sentence where `value`, of a metric on a test split, is not shown to be better than one constant answer; "" else.

    The constant answer is the best there is: the largest class (the most frequent classes), for labels the more frequent value of
    each, for values their mean. "Shown" is by the `interval` of 95 %, where there is one.
    """
    found = _trivial(metric, labels, inputs, reading)
    if found is None:
        return ""
    answer, limit = found
    sign = 1 if metric.higher_is_better else -1
    worst = value if interval is None else interval[0] if metric.higher_is_better else interval[1]
    if sign * worst > sign * limit:
        return ""
    if sign * value <= sign * limit:
        said = "no better than"
    else:
        said = f"(95 % interval {interval[0]:.4f} to {interval[1]:.4f}) not shown to be better than" if interval else ""
    r2 = f", r2 {1 - value / limit:.2f}" if metric.name == "mse" and limit > 0 else ""
    return f"{metric.name} {value:.4f} is {said} {answer} ({limit:.4f}{r2}): look at the labels, the data and the training"


def _one_hot(labels: NDArray[Any]) -> bool:
    if labels.ndim < 2 or labels.shape[-1] < 2:
        return False
    return bool(((labels == 0) | (labels == 1)).all() and (labels.sum(axis=-1) == 1).all())


def _trivial(metric: Metric, labels: NDArray[Any] | None, inputs: Inputs, reading: Reading) -> tuple[str, float] | None:
    """The best constant answer in words, and what it gets; None where there is none to compare with."""
    if metric.name in ("auc", "roc_auc"):
        return "guessing", 0.5
    wanted = np.asarray(inputs[0]) if labels is None else labels
    if metric.source or not len(wanted):
        return None
    if metric.name in VALUE_SCORES:
        centre = np.mean if metric.name == "mse" else np.median
        constant = np.broadcast_to(centre(wanted.astype(np.float64), axis=0), wanted.shape)
        words = f"always answering the {'mean' if metric.name == 'mse' else 'median'} of the labels"
        return words, metric.compute((constant,), wanted, ())
    if labels is None or not (metric.name in CLASS_SCORES or metric.name.startswith("top_")):
        return None
    try:
        if reading.multilabel:
            rows = labels.reshape(-1, labels.shape[-1])
            constant = np.broadcast_to(rows.mean(axis=0), rows.shape)
            words = "always answering each label's more frequent value"
            return words, metric.of(Reading(multilabel=True)).compute((constant,), rows, ())
        classes = (labels.argmax(axis=-1) if _one_hot(labels) else labels).reshape(-1).astype(np.int64)
        shares = np.bincount(classes, minlength=2) / len(classes)
        constant = np.broadcast_to(shares, (len(classes), len(shares)))
        return "always answering the largest class", metric.of(Reading()).compute((constant,), classes, ())
    except (EdgepackError, ValueError):
        return None
