"""The loss follows from the labels and the model's last layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgepack.compress.training.loss import choose_loss
from edgepack.ground.errors import RecipeError

from .small import dataset, fresh


def model(units: int, activation: str | None = None, width: int = 4) -> Any:
    keras = fresh(0)
    start = keras.Input((width,))
    return keras.Model(start, keras.layers.Dense(units, activation=activation)(start))


def data(labels: Any, width: int = 4) -> Any:
    x = np.random.default_rng(0).normal(size=(12, width)).astype(np.float32)
    return dataset(("loss",), (x,), labels, 8, 2)


CLASSES = np.arange(12) % 3


@pytest.mark.parametrize(
    ("units", "activation", "labels", "expected"),
    [
        (3, "softmax", CLASSES, ("sparse_categorical_crossentropy", "classes", False)),
        (3, None, CLASSES, ("sparse_categorical_crossentropy", "classes", True)),
        (3, "softmax", np.eye(3, dtype=np.float32)[CLASSES], ("categorical_crossentropy", "one_hot", False)),
        (1, "sigmoid", CLASSES > 0, ("binary_crossentropy", "classes", False)),
        (1, None, (CLASSES > 0).astype(np.float32), ("binary_crossentropy", "classes", True)),
        (1, None, np.linspace(-1, 1, 12, dtype=np.float32), ("mse", "values", False)),
        (1, None, np.arange(12) * 17, ("mse", "values", False)),
        (1, None, np.array([0] * 7 + [200] * 5), ("mse", "values", False)),
        (2, None, np.arange(24).reshape(12, 2) % 7, ("mse", "values", False)),
        (3, None, np.random.default_rng(0).normal(size=(12, 3)), ("mse", "values", False)),
        (4, None, None, ("mse", "inputs", True)),
        (4, None, CLASSES > 0, ("mse", "inputs", True)),
    ],
)
def test_auto_chooses(units: int, activation: str | None, labels: Any, expected: tuple[str, str, bool]) -> None:
    loss = choose_loss(model(units, activation), data(labels), "auto")
    assert (loss.name, loss.targets) == expected[:2]
    if loss.name.endswith("crossentropy"):
        assert loss.from_logits == expected[2]


@pytest.mark.parametrize(
    ("channels", "labels", "expected"),
    [
        (3, np.arange(12 * 16).reshape(12, 4, 4) % 3, ("sparse_categorical_crossentropy", "classes")),
        (3, np.arange(12 * 16).reshape(12, 4, 4, 1) % 3, ("sparse_categorical_crossentropy", "classes")),
        (3, np.eye(3)[np.arange(12 * 16).reshape(12, 4, 4) % 3], ("categorical_crossentropy", "one_hot")),
        (1, np.arange(12 * 16).reshape(12, 4, 4) % 2, ("binary_crossentropy", "classes")),
        (1, np.arange(12 * 16).reshape(12, 4, 4, 1) % 2, ("binary_crossentropy", "classes")),
        (3, CLASSES, ("mse", "inputs")),
        (3, None, ("mse", "inputs")),
    ],
)
def test_labels_of_pixels_are_learnt_also_where_the_output_has_the_inputs_shape(
    channels: int, labels: Any, expected: tuple[str, str]
) -> None:
    """A segmentation of colour images into three classes is no autoencoder; Keras takes the labels as they are."""
    keras = fresh(0)
    start = keras.Input((4, 4, channels))
    end = keras.layers.Conv2D(channels, 1, activation="sigmoid" if channels == 1 else "softmax")(start)
    x = np.random.default_rng(0).random((12, 4, 4, channels)).astype(np.float32)
    given = dataset(("pixels",), (x,), labels, 8, 2)
    loss = choose_loss(keras.Model(start, end), given, "auto")
    assert (loss.name, loss.targets) == expected
    net = keras.Model(start, end)
    net.compile(loss=loss.build(), metrics=["accuracy"] if loss.classifies else None)
    assert np.isfinite(net.evaluate(x[:8], loss.target(given.train), verbose=0)).all()


def test_a_separate_softmax_layer_counts() -> None:
    keras = fresh(0)
    start = keras.Input((4,))
    ends = keras.Model(start, keras.layers.Softmax()(keras.layers.Dense(3)(start)))
    assert not choose_loss(ends, data(CLASSES), "auto").from_logits


def test_the_value_of_a_logit_loss_is_that_of_the_formula() -> None:
    loss = choose_loss(model(3), data(CLASSES), "auto")
    logits = np.array([[1.0, 2.0, -1.0]])
    by_hand = -(2.0 - np.log(np.exp(logits).sum()))
    assert float(loss.build()(np.array([1]), logits)) == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.parametrize(
    ("units", "labels", "wanted", "text"),
    [
        (3, np.arange(12), "auto", "labels go from 0 to 7, but the model has 3 outputs"),
        (3, -CLASSES, "auto", "labels go from -2 to 0"),
        (3, None, "auto", "no labels"),
        (4, None, "categorical_crossentropy", "learns to reproduce its input"),
        (3, np.zeros((12, 5), np.float32), "mse", "a label has the shape (5,)"),
    ],
)
def test_labels_that_do_not_fit_are_refused(units: int, labels: Any, wanted: str, text: str) -> None:
    with pytest.raises(RecipeError) as caught:
        choose_loss(model(units), data(labels), wanted)
    assert caught.value.code == "EP-415"
    assert text in str(caught.value)


SEVERAL = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]] * 3)


@pytest.mark.parametrize("labels", [SEVERAL, SEVERAL.astype(np.float32), SEVERAL.astype(bool), SEVERAL.astype(np.uint8)])
@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_several_labels_an_example_are_each_learnt_by_binary_cross_entropy(activation: str | None, labels: Any) -> None:
    loss = choose_loss(model(3, activation), data(labels), "auto")
    assert (loss.name, loss.targets, loss.from_logits) == ("binary_crossentropy", "labels", activation is None)
    outputs = np.random.default_rng(0).random((12, 3)).astype(np.float32) - (0 if activation else 0.5)
    accuracy = loss.accuracy()
    accuracy.update_state(SEVERAL, outputs)
    assert float(accuracy.result()) == pytest.approx(np.mean((outputs > (0.5 if activation else 0)) == SEVERAL))


def test_softmax_is_refused_for_several_labels_and_for_one_output() -> None:
    for units, labels, text in ((3, SEVERAL, "softmax chooses one"), (1, CLASSES > 0, "softmax over one output")):
        with pytest.raises(RecipeError, match=text) as caught:
            choose_loss(model(units, "softmax"), data(labels), "auto")
        assert caught.value.code == "EP-415"
    with pytest.raises(RecipeError, match="softmax chooses one"):
        choose_loss(model(3, "sigmoid"), data(SEVERAL), "sparse_categorical_crossentropy")


def test_two_sigmoids_of_which_one_is_right_give_probabilities() -> None:
    assert not choose_loss(model(2, "sigmoid"), data(CLASSES > 0), "auto").from_logits


def test_epochs_of_a_model_that_gives_logits_are_told_apart_at_0() -> None:
    """Keras' own "accuracy" would compare with 0.5."""
    accuracy = choose_loss(model(1), data(CLASSES > 0), "auto").accuracy()
    accuracy.update_state(np.array([[1], [1], [0]]), np.array([[0.2], [0.4], [-0.1]]))
    assert float(accuracy.result()) == 1.0
