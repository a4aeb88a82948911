"""The teacher's part of the loss is Hinton's formula, whether models end with logits or with probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgepack.compress.training.distill_loss import SoftLoss, feature_loss, soft_loss
from edgepack.compress.training.loss import choose_loss

from .small import fresh
from .test_loss import CLASSES, data, model

TEACHER = np.array([[4.0, 1.0, -2.0], [0.5, 0.0, 3.0]])
STUDENT = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 1.5]])


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))


def tensors(*arrays: NDArray[np.float64]) -> list[Any]:
    fresh(0)
    import tensorflow as tf

    return [tf.constant(array, tf.float32) for array in arrays]


@pytest.mark.parametrize("teacher_logits", [True, False])
@pytest.mark.parametrize("student_logits", [True, False])
def test_classes_by_hand(teacher_logits: bool, student_logits: bool) -> None:
    p, q = softmax(TEACHER / 3), softmax(STUDENT / 3)
    by_hand = 9 * np.mean(np.sum(p * (np.log(p) - np.log(q)), axis=1))
    given = tensors(TEACHER if teacher_logits else softmax(TEACHER), STUDENT if student_logits else softmax(STUDENT))
    assert float(SoftLoss("softmax", 3.0, teacher_logits, student_logits).value(*given)) == pytest.approx(by_hand, rel=1e-5)


def test_its_gradient_is_that_of_the_soft_cross_entropy() -> None:
    teacher, student = tensors(TEACHER, STUDENT)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(student)
        value = SoftLoss("softmax", 3.0, True, True).value(teacher, student)
    # Hinton et al. 2015, section 2: 1/T (q - p) for each example, here times T^2, in the mean of two.
    by_hand = 9 * (softmax(STUDENT / 3) - softmax(TEACHER / 3)) / 3 / 2
    np.testing.assert_allclose(tape.gradient(value, student), by_hand, atol=1e-6)


def test_a_sure_student_that_is_wrong_has_a_finite_gradient() -> None:
    teacher, student = tensors(softmax(np.array([[60.0, 0.0]])), softmax(np.array([[0.0, 60.0]])))
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(student)
        value = SoftLoss("softmax", 1.0, False, False).value(teacher, student)
    assert float(value) == pytest.approx(60, rel=1e-3)
    assert np.all(np.isfinite(tape.gradient(value, student)))


@pytest.mark.parametrize("logits", [True, False])
def test_yes_or_no_outputs_by_hand(logits: bool) -> None:
    p, q = 1 / (1 + np.exp(-TEACHER / 2)), 1 / (1 + np.exp(-STUDENT / 2))
    by_hand = 4 * np.mean(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))
    given = (TEACHER, STUDENT) if logits else (1 / (1 + np.exp(-TEACHER)), 1 / (1 + np.exp(-STUDENT)))
    assert float(SoftLoss("sigmoid", 2.0, logits, logits).value(*tensors(*given))) == pytest.approx(by_hand, rel=1e-4)


def test_values_are_compared_by_their_squares_whatever_the_temperature() -> None:
    loss = SoftLoss("values", 7.0, False, False).value(*tensors(TEACHER, STUDENT))
    assert float(loss) == pytest.approx(np.mean((TEACHER - STUDENT) ** 2), rel=1e-6)


@pytest.mark.parametrize(
    ("units", "activation", "labels", "expected"),
    [
        (3, "softmax", CLASSES, SoftLoss("softmax", 2.0, False, False)),
        (3, None, CLASSES, SoftLoss("softmax", 2.0, False, True)),
        (1, "sigmoid", CLASSES > 0, SoftLoss("sigmoid", 2.0, True, False)),
        (4, None, None, SoftLoss("values", 2.0, False, False)),
    ],
)
def test_the_kind_follows_from_the_loss_and_both_last_layers(
    units: int, activation: str | None, labels: Any, expected: Any
) -> None:
    student = model(units, activation)
    teacher = model(units, None if units == 1 else "softmax")
    assert soft_loss(choose_loss(student, data(labels), "auto"), teacher, 2.0) == expected


def test_matched_layers_are_compared_relative_to_the_teachers_size() -> None:
    by_hand = np.mean((TEACHER - STUDENT) ** 2) / np.mean(TEACHER**2)
    assert float(feature_loss(*tensors(TEACHER, STUDENT))) == pytest.approx(by_hand, rel=1e-6)
