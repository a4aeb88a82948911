"""Confidence intervals agree with SciPy, and with what resampling the same data by hand gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from edgepack.metrics import confusion_matrix, load_metric
from edgepack.metrics.confidence import Z, bootstrap_interval, wilson_interval


def test_the_quantile_is_that_of_95_percent() -> None:
    assert pytest.approx(norm.ppf(0.975), abs=1e-15) == Z


@pytest.mark.parametrize(("right", "count"), [(0, 10), (10, 10), (1, 3), (90, 100), (8719, 10000)])
def test_a_proportion_has_wilsons_interval(right: int, count: int) -> None:
    expected = binomtest(right, count).proportion_ci(0.95, method="wilson")
    assert wilson_interval(right, count) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_nothing_measured_tells_nothing() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_a_mean_has_about_the_interval_of_the_normal_approximation() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    found = bootstrap_interval(lambda outputs, labels, inputs: float(outputs[0].mean()), (values,), None, ())
    half = Z * values.std(ddof=1) / np.sqrt(len(values))
    assert found is not None
    assert found == pytest.approx((values.mean() - half, values.mean() + half), abs=half * 0.2)


def test_a_metric_knows_its_interval(tmp_path: Path) -> None:
    scores = np.eye(4, dtype=np.float32)[np.arange(200) % 4]
    labels = np.where(np.arange(200) < 150, np.arange(200) % 4, (np.arange(200) + 1) % 4)
    accuracy = load_metric("accuracy", tmp_path)
    assert accuracy.compute((scores,), labels, ()) == 0.75
    assert accuracy.interval((scores,), labels, ()) == wilson_interval(150, 200)
    low, high = load_metric("f1", tmp_path).interval((scores,), labels, ()) or (1.0, 0.0)
    assert low < load_metric("f1", tmp_path).compute((scores,), labels, ()) < high
    assert high - low < 0.2


def test_a_metric_that_a_resample_cannot_have_has_no_interval(tmp_path: Path) -> None:
    outputs = np.linspace(0, 1, 8, dtype=np.float32)[:, None]
    labels = np.array([0, 0, 0, 0, 0, 0, 0, 1])  # a resample often lacks the only positive
    assert load_metric("auc", tmp_path).interval((outputs,), labels, (outputs,)) is None


def test_confusions_are_counted_by_true_and_predicted_class() -> None:
    from sklearn.metrics import confusion_matrix as reference

    generator = np.random.default_rng(0)
    scores, labels = generator.random((300, 5)), generator.integers(0, 5, 300)
    expected = reference(labels, scores.argmax(axis=1))
    assert np.array_equal(confusion_matrix((scores,), labels), expected)
    assert np.array_equal(confusion_matrix((scores,), np.eye(5)[labels]), expected)
    binary = confusion_matrix((np.array([[0.2], [0.9], [0.6]]),), np.array([0, 1, 0]))
    assert binary is not None and binary.tolist() == [[1, 1], [0, 1]]


@pytest.mark.parametrize("labels", [None, np.array([0.5, 1.2]), np.array([0, 9]), np.zeros((2, 4, 4))])
def test_what_has_no_classes_has_no_confusions(labels: np.ndarray | None) -> None:
    assert confusion_matrix((np.zeros((2, 3)),), labels) is None
