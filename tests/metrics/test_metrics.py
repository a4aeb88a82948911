"""Metrics agree with scikit-learn, or with a value worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics

from edgepack.ground.errors import DataError, ProjectError
from edgepack.metrics import load_metric


@pytest.fixture()
def scores() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    values = generator.random((200, 4)).astype(np.float32)
    return values / values.sum(axis=1, keepdims=True), generator.integers(0, 4, 200)


@pytest.mark.parametrize("name", ["accuracy", "f1", "precision", "recall"])
def test_classification_metrics_agree_with_scikit_learn(name: str, scores: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    values, labels = scores
    predicted = values.argmax(axis=1)
    expected = {
        "accuracy": sklearn.metrics.accuracy_score(labels, predicted),
        "f1": sklearn.metrics.f1_score(labels, predicted, average="macro"),
        "precision": sklearn.metrics.precision_score(labels, predicted, average="macro"),
        "recall": sklearn.metrics.recall_score(labels, predicted, average="macro"),
    }[name]
    assert load_metric(name, tmp_path).compute((values,), labels, ()) == pytest.approx(expected)
    one_hot = np.eye(4)[labels]
    assert load_metric(name, tmp_path).compute((values,), one_hot, ()) == pytest.approx(expected)


def test_top_k_agrees_with_scikit_learn(scores: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    values, labels = scores
    expected = sklearn.metrics.top_k_accuracy_score(labels, values, k=2)
    assert load_metric("top_2", tmp_path).compute((values,), labels, ()) == pytest.approx(expected)


def test_auc_of_a_model_that_reproduces_its_input_scores_the_error(tmp_path: Path) -> None:
    inputs = np.zeros((4, 8), np.float32)
    outputs = np.zeros((4, 8), np.float32)
    outputs[2:] = 0.5  # the two anomalies are reproduced worst
    metric = load_metric("auc", tmp_path)
    assert metric.compute((outputs,), np.array([0, 0, 1, 1]), (inputs,)) == 1.0
    assert metric.compute((outputs,), np.array([0, 1, 0, 1]), (inputs,)) == 0.5
    with pytest.raises(DataError, match="both classes"):
        metric.compute((outputs,), np.zeros(4, int), (inputs,))


def test_mse_is_better_when_lower_and_its_drop_is_positive_when_it_rises(tmp_path: Path) -> None:
    metric = load_metric("mse", tmp_path)
    value = metric.compute((np.array([[1.0, 3.0]]),), None, (np.array([[1.0, 1.0]]),))
    assert value == 2.0
    assert metric.drop(1.0, 1.5) == 0.5
    assert load_metric("accuracy", tmp_path).drop(0.9, 0.8) == pytest.approx(0.1)


def test_a_binary_output_is_a_class_above_one_half(tmp_path: Path) -> None:
    outputs = np.array([[0.2], [0.7], [0.9]])
    assert load_metric("accuracy", tmp_path).compute((outputs,), np.array([0, 1, 0]), ()) == pytest.approx(2 / 3)


def test_a_function_of_the_project_is_a_metric(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def worst(outputs, labels, inputs):\n    return outputs[0].max()\nworst.higher_is_better = False\n"
    )
    metric = load_metric("mine:worst", tmp_path)
    assert metric.compute((np.array([[1.0, 4.0]]),), None, ()) == 4.0
    assert not metric.higher_is_better
    assert metric.source


@pytest.mark.parametrize("name", ["acuracy", "top_0", "missing:function"])
def test_an_unknown_metric_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ProjectError) as caught:
        load_metric(name, tmp_path)
    assert caught.value.code == "EP-160"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("    raise ValueError('boom')", "mine.py:2: ValueError: boom"),
        ("    return 'good'", "ValueError"),
        ("    return float('nan')", "returned nan"),
        ("    return helper", "NameError"),
    ],
)
def test_a_function_that_fails_is_named_with_its_line(
    body: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(f"def worst(outputs, labels, inputs):\n{body}\n")
    monkeypatch.chdir(tmp_path)
    metric = load_metric("mine.py:worst", Path())
    with pytest.raises(ProjectError) as caught:
        metric.compute((np.array([[1.0, 4.0]]),), None, ())
    assert caught.value.code == "EP-161"
    assert said in str(caught.value)


def test_a_metric_may_import_from_its_project_and_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("FACTOR = 2\n")
    (tmp_path / "mine.py").write_text("import helper\ndef twice(outputs, labels, inputs):\n    return helper.FACTOR\n")
    metric = load_metric("mine.py:twice", tmp_path)
    assert metric.compute((np.zeros((1, 1)),), None, ()) == 2
    (tmp_path / "helper.py").write_text("FACTOR = 2 # another text\n")
    assert load_metric("mine.py:twice", tmp_path).source != metric.source
    (tmp_path / "mine.py").write_text("def twice(:\n")
    with pytest.raises(ProjectError) as caught:
        load_metric("mine.py:twice", tmp_path)
    assert caught.value.code == "EP-161"
    assert "mine.py:1" in str(caught.value)


@pytest.mark.parametrize("name", ["f1", "precision", "recall"])
@pytest.mark.parametrize("average", ["micro", "macro"])
def test_averages_over_examples_and_over_classes(
    name: str, average: str, scores: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    values, labels = scores
    function = getattr(sklearn.metrics, f"{name}_score")
    expected = function(labels, values.argmax(axis=1), average=average)
    assert load_metric(f"{name}_{average}", tmp_path).compute((values,), labels, ()) == pytest.approx(expected)


@pytest.mark.parametrize("form", ["numbers", "column", "one_hot"])
def test_every_pixel_of_a_segmentation_counts(form: str, tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    scores = generator.random((6, 4, 5, 3)).astype(np.float32)
    classes = generator.integers(0, 3, (6, 4, 5))
    labels = {"numbers": classes, "column": classes[..., None], "one_hot": np.eye(3)[classes]}[form]
    rows = scores / scores.sum(axis=-1, keepdims=True)
    pixels = (classes.reshape(-1), scores.argmax(axis=-1).reshape(-1))
    expected = {
        "accuracy": sklearn.metrics.accuracy_score(*pixels),
        "f1": sklearn.metrics.f1_score(*pixels, average="macro"),
        "top_2": sklearn.metrics.top_k_accuracy_score(pixels[0], rows.reshape(-1, 3), k=2),
        "auc": sklearn.metrics.roc_auc_score(pixels[0], rows.reshape(-1, 3), multi_class="ovr"),
    }
    for name, value in expected.items():
        assert load_metric(name, tmp_path).compute((scores,), labels, (scores,)) == pytest.approx(value), name
    accuracy = load_metric("accuracy", tmp_path)
    low, high = accuracy.interval((scores,), labels, (scores,)) or (1, 0)
    assert low < expected["accuracy"] < high


def test_the_pixels_of_a_mask_are_right_or_wrong(tmp_path: Path) -> None:
    outputs = np.float32([[[[0.9], [0.1]], [[0.6], [0.4]]]])
    for mask in (np.array([[[1, 0], [0, 0]]]), np.array([[[[1], [0]], [[0], [0]]]])):
        assert load_metric("accuracy", tmp_path).compute((outputs,), mask, ()) == 0.75


@pytest.mark.parametrize("name", ["accuracy", "f1", "auc", "top_2", "mse"])
def test_labels_that_fit_no_output_are_an_error_of_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a label is 4 x 4, the model's output 8 x 8 x 3") as caught:
        load_metric(name, tmp_path).compute((np.zeros((2, 8, 8, 3)),), np.zeros((2, 4, 4), int), (np.zeros((2, 8, 8, 3)),))
    assert caught.value.code == "EP-322"
