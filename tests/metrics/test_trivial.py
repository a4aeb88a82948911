"""A model that is no better than a constant answer is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from edgepack.metrics import Reading, load_metric
from edgepack.metrics.trivial import no_better_than_trivial

RARE = np.array([1] * 20 + [0] * 980)
MANY = np.arange(300) % 3
VALUES = np.random.default_rng(0).normal(3, 2, 200)
SEVERAL = (np.random.default_rng(1).random((200, 3)) < [0.1, 0.9, 0.5]).astype(int)


def said(name: str, outputs: np.ndarray, labels: np.ndarray, read: Reading | None = None) -> str:
    read = read or Reading()
    metric = load_metric(name, Path()).of(read)
    compared = ((outputs,), labels, ())
    return no_better_than_trivial(metric, metric.compute(*compared), metric.interval(*compared), labels, (), read)


@pytest.mark.parametrize("name", ["accuracy", "f1", "precision", "recall", "f1_micro"])
@pytest.mark.parametrize("labels", [RARE, RARE[:, None], np.eye(2, dtype=int)[RARE]])
def test_the_largest_class_alone_is_what_a_dummy_gets(name: str, labels: np.ndarray) -> None:
    constant = np.tile([[0.9, 0.1]], (1000, 1))
    text = said(name, constant, labels)
    assert "no better than always answering the largest class" in text
    if name == "accuracy":
        dummy = DummyClassifier(strategy="most_frequent").fit(np.zeros((1000, 1)), RARE)
        assert f"({dummy.score(np.zeros((1000, 1)), RARE):.4f})" in text
        assert text.startswith("accuracy 0.9800 is no better than")


def test_a_model_that_has_learnt_something_is_not_doubted() -> None:
    scores = np.eye(3)[MANY] + 0.1
    for name in ("accuracy", "f1", "auc", "log_loss", "top_2", "average_precision"):
        assert said(name, scores / scores.sum(axis=1, keepdims=True), MANY) == "", name


def test_a_difference_within_the_interval_is_not_shown() -> None:
    guessed = np.where(np.arange(1000) < 4, 0.9, 0.1)[:, None]  # 4 of the 20 found
    text = said("accuracy", guessed, RARE)
    assert text.startswith("accuracy 0.9840 is (95 % interval 0.97") and "not shown to be better than" in text
    found = np.where(RARE == 1, 0.9, 0.1)[:, None]
    assert said("accuracy", found, RARE) == ""


def test_guessing_by_auc() -> None:
    random = np.random.default_rng(3).random((1000, 1))
    assert "better than guessing (0.5000)" in said("auc", random, RARE)
    assert said("auc", np.where(RARE == 1, 0.9, random[:, 0] / 2)[:, None], RARE) == ""


def test_the_mean_of_the_labels_has_an_r2_of_0() -> None:
    mean = np.full((200, 1), VALUES.mean())
    dummy = DummyRegressor().fit(np.zeros((200, 1)), VALUES)
    limit = np.mean(np.square(dummy.predict(np.zeros((200, 1))) - VALUES))
    text = said("mse", mean, VALUES)
    assert f"no better than always answering the mean of the labels ({limit:.4f}, r2 0.00)" in text
    assert "r2 -" in said("mse", mean + 1, VALUES)
    assert said("mse", VALUES[:, None] + 0.1, VALUES) == ""


def test_each_labels_more_frequent_value() -> None:
    read = Reading(multilabel=True)
    constant = np.tile([[0.1, 0.9, 0.6]], (200, 1))
    assert "each label's more frequent value" in said("accuracy", constant, SEVERAL, read)
    assert said("accuracy", SEVERAL * 0.9 + 0.05, SEVERAL, read) == ""


def test_a_metric_of_the_users_own_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def always(outputs, labels, inputs):\n    return 0.0\n")
    metric = load_metric("mine:always", tmp_path)
    assert no_better_than_trivial(metric, 0.0, None, RARE, (), Reading()) == ""
