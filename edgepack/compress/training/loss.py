"""What a step trains for: the loss, and what the model's output is compared with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.keras.ending import ends_in_probabilities, final_activation
from edgepack.ground.errors import RecipeError
from edgepack.metrics import Reading, answers_positions, reading_of
from edgepack.sources import Dataset, Examples, Split
from edgepack.sources.keras.frameworks import import_tf_keras

Targets = Literal["classes", "one_hot", "labels", "values", "inputs"]

_CROSSENTROPIES = {
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "binary_crossentropy": "BinaryCrossentropy",
}
_REGRESSIONS = {"mse": "MeanSquaredError", "mae": "MeanAbsoluteError", "huber": "Huber"}


@dataclass(frozen=True)
class Loss:
    """A chosen loss. `targets`: class numbers, one-hot rows, rows of several labels or values from the data's labels, or the
    model's own inputs.

    `from_logits`: the model ends without softmax or sigmoid. `threshold`: above it an output that answers yes or no says yes.
    `classifies`: accuracy means something during training.
    """

    name: str
    targets: Targets
    from_logits: bool = False
    threshold: float = 0.5

    @property
    def classifies(self) -> bool:
        """Whether the model's output is compared with classes or labels."""
        return self.targets in ("classes", "one_hot", "labels")

    def accuracy(self) -> Any:
        """The tf_keras metric that tells epochs apart, called "accuracy"; Keras' own choice takes logits for probabilities."""
        metrics = import_tf_keras().metrics
        if self.name == "sparse_categorical_crossentropy":
            return metrics.SparseCategoricalAccuracy("accuracy")
        if self.name == "categorical_crossentropy":
            return metrics.CategoricalAccuracy("accuracy")
        return metrics.BinaryAccuracy("accuracy", threshold=self.threshold)

    def build(self) -> Any:
        """The tf_keras loss object."""
        losses = import_tf_keras().losses
        if self.name in _CROSSENTROPIES:
            return getattr(losses, _CROSSENTROPIES[self.name])(from_logits=self.from_logits)
        return getattr(losses, _REGRESSIONS[self.name])()

    def target(self, split: Split) -> Examples:
        """The array of `split` that the first output is trained towards."""
        if self.targets == "inputs":
            return split.inputs[0]
        assert split.labels is not None
        return split.labels


def choose_loss(model: Any, data: Dataset, wanted: str) -> Loss:
    """The loss for the first output of a float `model`.

    With `wanted` "auto": data without labels, or a model whose output has its input's shape while the labels say nothing of the
    output's positions, learns to reproduce its input (mean squared error); whole-number labels are classes, of an example or of
    each position of the output; one-hot rows are classes; rows of zeros and ones with none or several ones are labels, each by
    itself; anything else is a value to regress.

    Raises:
        RecipeError: EP-415 when labels and output do not fit each other.
    """
    labels = data.train.labels
    output = tuple(model.outputs[0].shape[1:])
    probabilities = ends_in_probabilities(model)
    read = reading_of(probabilities, output, data, None)
    told = labels is not None and (labels.shape[1:] == output or answers_positions((1, *labels.shape[1:]), (1, *output)))
    reproduces = output == tuple(model.inputs[0].shape[1:]) and not told
    if labels is None or reproduces:
        if output != tuple(model.inputs[0].shape[1:]):
            raise _misfit(f"the data has no labels, and the model's output {output} is not of its input's shape", "add labels")
        if wanted in _CROSSENTROPIES and wanted != "binary_crossentropy":
            raise _misfit(f"loss {wanted} needs labels, and this model learns to reproduce its input", 'use loss = "mse"')
        return Loss("mse" if wanted == "auto" else wanted, "inputs", not probabilities)
    width = output[-1] if output else 1
    name = _automatic(labels, output, read) if wanted == "auto" else wanted
    if width == 1 and final_activation(model) == "softmax":
        raise _misfit("the model ends in softmax over one output, which is always 1", "end it in sigmoid")
    if read.multilabel and (name.endswith("categorical_crossentropy") or final_activation(model) == "softmax"):
        raise _misfit(
            "the labels say none or several of the classes, and softmax chooses one of them",
            "end the model in sigmoid, or without an activation, and train it with binary_crossentropy",
        )
    if name == "sparse_categorical_crossentropy":
        if not told and math.prod(labels.shape[1:]) != math.prod(output[:-1]):
            raise _misfit(f"{name}: a label has the shape {labels.shape[1:]}, the model's output {output}", "correct the labels")
        _check_classes(labels, width)
        return Loss(name, "classes", not probabilities)
    if labels.shape[1:] != output and not (width == 1 and (told or labels.shape[1:] in ((), (1,)))):
        raise _misfit(f"{name}: a label has the shape {labels.shape[1:]}, the model's output {output}", "correct the labels")
    if name == "categorical_crossentropy":
        return Loss(name, "one_hot", not probabilities)
    if name == "binary_crossentropy":
        return Loss(name, "labels" if read.multilabel else "classes", not probabilities, read.threshold)
    return Loss(name, "values")


def _automatic(labels: NDArray[Any], output: tuple[int, ...], read: Reading) -> str:
    width = output[-1] if output else 1
    if read.multilabel:
        return "binary_crossentropy"
    whole = np.issubdtype(labels.dtype, np.integer) or np.issubdtype(labels.dtype, np.bool_)
    if width > 1 and labels.shape[1:] == output and _one_hot(labels):
        return "categorical_crossentropy"
    if whole and width > 1 and labels.shape[1:] != output:
        return "sparse_categorical_crossentropy"
    if width == 1 and _zero_one(labels):
        return "binary_crossentropy"
    return "mse"


def _sample(labels: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(labels[:1000])


def _one_hot(labels: NDArray[Any]) -> bool:
    rows = _sample(labels)
    return bool(np.all(np.isin(rows, (0, 1))) and np.all(rows.sum(axis=-1) == 1))


def _zero_one(labels: NDArray[Any]) -> bool:
    """Whether every label is 0 or 1; of whole numbers beyond, one output is a value to regress, not a probability."""
    return bool(np.all(np.isin(_sample(labels), (0, 1)))) and labels.min() >= 0 and labels.max() <= 1


def _check_classes(labels: NDArray[Any], width: int) -> None:
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest >= width:
        raise _misfit(
            f"labels go from {lowest} to {highest}, but the model has {width} outputs",
            "number the classes from 0, and give the model one output a class",
        )


def _misfit(text: str, hint: str) -> RecipeError:
    return RecipeError("EP-415", text, hint)
