"""How the numbers of a model's first output are to be read beside labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from edgepack.sources import Dataset

_BLOCK = 1 << 16  # rows of labels looked at together


@dataclass(frozen=True)
class Reading:
    """What the first output's numbers mean.

    `logits`: the model ends without sigmoid, softmax or anything else that keeps its numbers between 0 and 1. `multilabel`: each
    column answers a question of its own, yes or no; otherwise the columns of a row are classes, of which one is right. `cut` is
    the threshold that the project sets, None without one.
    """

    logits: bool = False
    multilabel: bool = False
    cut: float | None = None

    @property
    def threshold(self) -> float:
        """Above this, in the output's own numbers, the answer of a single column is yes: 0.5, or 0 for logits."""
        return self.cut if self.cut is not None else 0.0 if self.logits else 0.5

    def key(self) -> dict[str, Any]:
        """What results depend on, for a cache."""
        return asdict(self)


def reading_of(probabilities: bool, output: tuple[int | None, ...], data: Dataset | None, cut: float | None) -> Reading:
    """The reading of a model whose first output has the shape `output` (without the batch) on `data`.

    `probabilities` says whether the output lies between 0 and 1, which is found out from the model: by
    `compress.keras.ending` of a Keras model, by `flatbuffer.ending` of a .tflite.
    """
    splits = () if data is None else (data.train, data.validation, data.test)
    labels = [split.labels for split in splits if split.labels is not None and len(split.labels)]
    return Reading(not probabilities, several_labels(labels, output), cut)


def several_labels(labels: Iterable[NDArray[Any]], output: tuple[int | None, ...]) -> bool:
    """Whether labels say yes or no to each column of an output of this shape (without the batch).

    They have its shape and hold zeros and ones; that every row has exactly one 1 makes them one-hot rows of classes instead.
    """
    arrays = list(labels)
    if not arrays or not output or output[-1] == 1 or not all(_fits(array.shape[1:], output) for array in arrays):
        return False
    one_each = True
    for array in arrays:
        for start in range(0, len(array), _BLOCK):
            rows = np.asarray(array[start : start + _BLOCK])
            if not bool(((rows == 0) | (rows == 1)).all()):
                return False
            one_each = one_each and bool((rows.sum(axis=-1) == 1).all())
    return not one_each


def _fits(labels: tuple[int, ...], output: tuple[int | None, ...]) -> bool:
    """Whether labels have the shape of an output, whose open dimensions are None or -1."""
    same = [size in (None, -1, have) for size, have in zip(output, labels, strict=False)]
    return len(labels) == len(output) and all(same) and labels[-1] > 1


def answers_positions(labels: tuple[int, ...], output: tuple[int, ...]) -> bool:
    """Whether labels of this shape say something of each position of an output (batch, positions …, channels)."""
    places = output[:-1]
    return len(output) > 2 and labels in (places, (*places, 1), output)
