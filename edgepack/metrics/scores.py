"""The metrics that have a name: from outputs and labels to one number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import DataError
from edgepack.metrics.reading import Reading
from edgepack.metrics.rows import Inputs, Outputs, Rows, check_classes, check_outputs, misfit, rows_of

Labels = NDArray[Any] | None
Score = Callable[[Outputs, Labels, Inputs, Reading], float]

_SMALLEST_SHARE = 1e-7  # of a probability whose logarithm is taken, as Keras has it


def _of_rows(score: Callable[[Rows], float]) -> Score:
    def compute(outputs: Outputs, labels: Labels, inputs: Inputs, reading: Reading) -> float:
        rows = rows_of(outputs, labels, reading)
        check_classes(rows)
        return score(rows)

    return compute


def _accuracy(rows: Rows) -> float:
    """The share of right answers; with several labels an example, of examples whose labels are all right (subset accuracy)."""
    right = rows.predicted == rows.truth
    return float(np.mean(right.all(axis=1) if rows.reading.multilabel else right))


def _binary_accuracy(rows: Rows) -> float:
    """The share of right answers, each label of an example counting by itself (1 - the Hamming loss)."""
    return float(np.mean(rows.predicted == rows.truth))


def top(count: int) -> Score:
    """Whether the right class is among the `count` that a row has the highest scores for."""

    def score(rows: Rows) -> float:
        if rows.reading.multilabel:
            raise DataError(
                "EP-322",
                f"top_{count} asks for one right class an example, and these labels say several",
                "use accuracy, binary_accuracy, f1, auc or average_precision",
            )
        best = np.argsort(-rows.ranked, axis=1, kind="stable")[:, :count]
        return float(np.mean((best == rows.truth[:, None]).any(axis=1)))

    return _of_rows(score)


def _averaged(function_name: str, average: str) -> Score:
    def score(rows: Rows) -> float:
        import sklearn.metrics

        function = getattr(sklearn.metrics, f"{function_name}_score")
        return float(function(rows.truth, rows.predicted, average=average, zero_division=0))

    return _of_rows(score)


def _auc(outputs: Outputs, labels: Labels, inputs: Inputs, reading: Reading) -> float:
    """Area under the ROC curve; a model that reproduces its input is scored by its mean squared reconstruction error.

    Of more than two classes, and of several labels, the mean over those that have examples on both sides (one against the rest).
    """
    from sklearn.metrics import roc_auc_score

    rows = rows_of(outputs, labels, reading)
    first = outputs[0]
    if not reading.multilabel and _reproduces(rows, first, inputs):
        difference = rows.scores - np.asarray(inputs[0]).reshape(len(rows.scores), -1)
        rows = Rows(np.mean(np.square(difference), axis=1, keepdims=True), rows.truth, Reading(logits=True))
    check_classes(rows)
    return _one_against_rest(rows, "auc", lambda truth, shares: float(roc_auc_score(truth, shares)))


def _reproduces(rows: Rows, first: NDArray[Any], inputs: Inputs) -> bool:
    return bool(inputs) and first.shape == inputs[0].shape and rows.scores.shape[1] > 2 and len(rows.scores) == len(inputs[0])


def _average_precision(rows: Rows) -> float:
    """Area under the curve of precision and recall; of more classes or labels the mean over those with examples on both sides."""
    from sklearn.metrics import average_precision_score

    return _one_against_rest(rows, "average_precision", lambda truth, shares: float(average_precision_score(truth, shares)))


def _one_against_rest(rows: Rows, name: str, score: Callable[[NDArray[Any], NDArray[Any]], float]) -> float:
    """The mean of `score` over the columns, each against all others; of two classes the second one's alone.

    Raises:
        DataError: EP-311 where no column has examples on both sides.
    """
    if rows.reading.multilabel:
        columns, truth = rows.bounded, rows.truth
    elif rows.scores.shape[1] <= 2:
        # What only orders the rows needs no probabilities, in which the far ends of logits would be lost.
        scores = rows.bounded
        columns = scores if rows.single else scores[:, 1:] - scores[:, :1] if rows.reading.logits else rows.shares[:, 1:]
        truth = rows.truth[:, None]
    else:
        columns = rows.shares
        truth = (rows.truth[:, None] == np.arange(columns.shape[1])).astype(np.int64)
    mixed = [place for place in range(truth.shape[1]) if 0 < truth[:, place].sum() < len(truth)]
    if not mixed:
        raise DataError("EP-311", f"{name} needs both classes in the test data", "add test examples of the missing class")
    return float(np.mean([score(truth[:, place], columns[:, place]) for place in mixed]))


def _log_loss(rows: Rows) -> float:
    """The mean of -log of what the right answer was given (cross-entropy); with several labels the mean over all of them."""
    shares = np.clip(rows.shares, _SMALLEST_SHARE, 1 - _SMALLEST_SHARE)
    if rows.reading.multilabel:
        return float(-np.mean(np.where(rows.truth == 1, np.log(shares), np.log1p(-shares))))
    return float(-np.mean(np.log(shares[np.arange(len(shares)), rows.truth])))


def _error(of: Callable[[NDArray[Any]], NDArray[Any]]) -> Score:
    def compute(outputs: Outputs, labels: Labels, inputs: Inputs, reading: Reading) -> float:
        wanted, given = np.asarray(inputs[0]) if labels is None else labels, outputs[0]
        check_outputs(given)
        if wanted.dtype.kind not in "fiub":
            raise DataError("EP-308", "the labels are not numbers", "give the values that the model's output should have")
        if wanted.size != given.size:
            raise misfit(wanted, given)
        return float(np.mean(of(given.astype(np.float64) - wanted.reshape(given.shape).astype(np.float64))))

    return compute


CLASS_SCORES: dict[str, Score] = {
    "accuracy": _of_rows(_accuracy),
    "binary_accuracy": _of_rows(_binary_accuracy),
    **{
        f"{name}{suffix}": _averaged(name, average)
        for name in ("f1", "precision", "recall")
        for suffix, average in (("", "macro"), ("_macro", "macro"), ("_micro", "micro"))
    },
    "auc": _auc,
    "roc_auc": _auc,
    "average_precision": _of_rows(_average_precision),
    "log_loss": _of_rows(_log_loss),
}
VALUE_SCORES: dict[str, Score] = {"mse": _error(np.square), "mae": _error(np.abs)}
LOWER_IS_BETTER = frozenset({"mse", "mae", "log_loss"})
