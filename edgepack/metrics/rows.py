"""Outputs and labels brought side by side: a row an example, or a position of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import DataError, ModelError
from edgepack.metrics.reading import Reading, answers_positions

if TYPE_CHECKING:
    from edgepack.sources import Examples

Outputs = tuple[NDArray[Any], ...]
Inputs = tuple["Examples", ...]

_LARGEST = 1e300


@dataclass(frozen=True)
class Rows:
    """`scores` (rows, columns) as the model gave them; `truth` holds class numbers (rows), or zeros and ones (rows, columns)
    where the reading is multilabel."""

    scores: NDArray[Any]
    truth: NDArray[np.int64]
    reading: Reading

    @property
    def single(self) -> bool:
        """Whether one column answers yes or no: classes 1 and 0."""
        return self.scores.shape[1] == 1

    @property
    def predicted(self) -> NDArray[np.int64]:
        """What the model answers, in the form of `truth`."""
        if self.reading.multilabel:
            return (self.scores > self.reading.threshold).astype(np.int64)
        if self.single:
            return (self.scores[:, 0] > self.reading.threshold).astype(np.int64)
        return np.asarray(self.scores.argmax(axis=1), np.int64)

    @property
    def ranked(self) -> NDArray[Any]:
        """Scores with a column for each class: of a single column, how far it is below and above the threshold."""
        if not self.single or self.reading.multilabel:
            return self.scores
        above = self.scores[:, 0] - self.reading.threshold
        return np.stack([-above, above], axis=1)

    @property
    def bounded(self) -> NDArray[np.float64]:
        """Scores that can be ordered and subtracted: infinities as very large numbers."""
        return np.clip(self.scores.astype(np.float64), -_LARGEST, _LARGEST)

    @property
    def shares(self) -> NDArray[np.float64]:
        """Probabilities: of every class (rows that add up to 1), or of every label where they are multilabel."""
        scores = self.bounded
        if self.reading.multilabel or self.single:
            yes = _sigmoid(scores) if self.reading.logits else np.clip(scores, 0, 1)
            return yes if self.reading.multilabel else np.concatenate([1 - yes, yes], axis=1)
        if self.reading.logits:
            raised = np.exp(scores - scores.max(axis=1, keepdims=True))
            return np.asarray(raised / raised.sum(axis=1, keepdims=True))
        kept = np.maximum(scores, 0)
        total = kept.sum(axis=1, keepdims=True)
        return np.where(total > 0, kept / np.where(total > 0, total, 1), 1 / scores.shape[1])


def rows_of(outputs: Outputs, labels: NDArray[Any] | None, reading: Reading) -> Rows:
    """Outputs and labels as rows.

    Raises:
        DataError: EP-310 without labels, EP-322 where they cannot be compared with the outputs, EP-308 where they are no numbers,
            EP-312 without examples.
        ModelError: EP-329 where an output is no number.
    """
    first = outputs[0]
    if labels is None:
        raise DataError("EP-310", "the metric needs labels and the data has none", 'give labels, or use metric = "mse"')
    if labels.dtype.kind not in "fiub":
        raise DataError("EP-308", "the labels are not numbers", "give class numbers 0, 1, 2, …")
    check_outputs(first)
    if reading.multilabel:
        if labels.shape != first.shape:
            raise misfit(labels, first)
        width = first.shape[-1]
        return Rows(first.reshape(-1, width), labels.reshape(-1, width).astype(np.int64), reading)
    if answers_positions(labels.shape, first.shape):
        one_hot = labels.shape == first.shape and first.shape[-1] > 1
        scores, classes = first.reshape(-1, first.shape[-1]), (labels.argmax(axis=-1) if one_hot else labels).reshape(-1)
    else:
        scores = first.reshape(len(first), -1)
        rows = labels.ndim > 1 and labels.shape[-1] > 1
        classes = (labels.argmax(axis=-1) if rows else labels).reshape(-1)
    if len(scores) != len(classes):
        raise misfit(labels, first)
    return Rows(scores, _class_numbers(classes), reading)


def check_outputs(output: NDArray[Any]) -> None:
    """Refuse what nothing can be computed from.

    Raises:
        DataError: EP-312 without examples. ModelError: EP-329 where an output is no number.
    """
    if not len(output):
        raise DataError("EP-312", "there are no examples to compute the metric from", "give test examples")
    if output.dtype.kind == "f":
        wrong = np.isnan(output).reshape(len(output), -1).any(axis=1)
        if wrong.any():
            raise ModelError(
                "EP-329",
                f"the model's output is no number (NaN) for {int(wrong.sum())} of {len(output)} examples",
                "look for a division by zero, or for weights that grew without bounds in training (lower learning_rate)",
            )


def check_classes(rows: Rows) -> None:
    """Refuse class numbers that the model has no output for.

    Raises:
        DataError: EP-322.
    """
    if rows.reading.multilabel:
        return
    width = max(2, rows.scores.shape[1])
    low, high = int(rows.truth.min()), int(rows.truth.max())
    if low < 0 or high >= width:
        what = "one output, which tells class 0 from class 1" if rows.single else f"{width} outputs"
        raise DataError(
            "EP-322",
            f"the labels go from {low} to {high}, and the model has {what}",
            "number the classes from 0, in the order of the model's outputs",
        )


def misfit(labels: NDArray[Any], output: NDArray[Any]) -> DataError:
    """What is said of labels and outputs whose shapes do not go together."""
    label, answer = (" x ".join(map(str, array.shape[1:])) or "one value" for array in (labels, output))
    return DataError(
        "EP-322",
        f"a label is {label}, the model's output {answer}: the metric cannot compare them",
        "give a class number an example or a position of the output, or a metric of your own (module:function)",
    )


def _class_numbers(classes: NDArray[Any]) -> NDArray[np.int64]:
    if classes.dtype.kind == "f" and not bool((classes == np.floor(classes)).all()):
        value = classes[classes != np.floor(classes)][0]
        raise DataError("EP-322", f"a label is {value:g}, which is no class number", 'give whole numbers, or use metric = "mse"')
    return classes.astype(np.int64)


def _sigmoid(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * scores)))
