"""What a step trains for: the loss, and what the model's output is compared with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import RecipeError
from edgepack.metrics import answers_positions
from edgepack.sources import Dataset, Examples, Split
from edgepack.sources.keras.frameworks import import_tf_keras

Targets = Literal["classes", "one_hot", "values", "inputs"]

_CROSSENTROPIES = {
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "binary_crossentropy": "BinaryCrossentropy",
}
_REGRESSIONS = {"mse": "MeanSquaredError", "mae": "MeanAbsoluteError", "huber": "Huber"}


@dataclass(frozen=True)
class Loss:
    """A chosen loss. `targets`: class numbers, one-hot rows or values from the labels, or the model's own inputs.

    `from_logits`: the model ends without softmax or sigmoid. `classifies`: accuracy means something during training.
    """

    name: str
    targets: Targets
    from_logits: bool = False

    @property
    def classifies(self) -> bool:
        """Whether the model's output is compared with classes."""
        return self.targets in ("classes", "one_hot")

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
    each position of the output; one-hot rows are classes; anything else is a value to regress.

    Raises:
        RecipeError: EP-415 when labels and output do not fit each other.
    """
    labels = data.train.labels
    output = tuple(model.outputs[0].shape[1:])
    activation = final_activation(model)
    told = labels is not None and (labels.shape[1:] == output or answers_positions((1, *labels.shape[1:]), (1, *output)))
    reproduces = output == tuple(model.inputs[0].shape[1:]) and not told
    if labels is None or reproduces:
        if output != tuple(model.inputs[0].shape[1:]):
            raise _misfit(f"the data has no labels, and the model's output {output} is not of its input's shape", "add labels")
        if wanted in _CROSSENTROPIES and wanted != "binary_crossentropy":
            raise _misfit(f"loss {wanted} needs labels, and this model learns to reproduce its input", 'use loss = "mse"')
        return Loss("mse" if wanted == "auto" else wanted, "inputs", activation != "sigmoid")
    width = output[-1] if output else 1
    name = _automatic(labels, output) if wanted == "auto" else wanted
    if name == "sparse_categorical_crossentropy":
        if not told and math.prod(labels.shape[1:]) != math.prod(output[:-1]):
            raise _misfit(f"{name}: a label has the shape {labels.shape[1:]}, the model's output {output}", "correct the labels")
        _check_classes(labels, width)
        return Loss(name, "classes", activation != "softmax")
    if labels.shape[1:] != output and not (width == 1 and (told or labels.shape[1:] in ((), (1,)))):
        raise _misfit(f"{name}: a label has the shape {labels.shape[1:]}, the model's output {output}", "correct the labels")
    if name == "categorical_crossentropy":
        return Loss(name, "one_hot", activation != "softmax")
    if name == "binary_crossentropy":
        return Loss(name, "classes", activation != "sigmoid")
    return Loss(name, "values")


def _automatic(labels: NDArray[Any], output: tuple[int, ...]) -> str:
    width = output[-1] if output else 1
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


def final_activation(model: Any) -> str:
    """The name of the activation that the first output of a Keras model comes out of; empty where its layer has none."""
    layer = model.outputs[0]._keras_history.layer
    if type(layer).__name__ == "Softmax":
        return "softmax"
    inner = layer
    while hasattr(inner, "layer"):
        inner = inner.layer
    name = getattr(getattr(inner, "activation", None), "__name__", "")
    return str(name)


def _misfit(text: str, hint: str) -> RecipeError:
    return RecipeError("EP-415", text, hint)
