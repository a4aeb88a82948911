"""Outputs are read as what they are: probabilities or logits, one class or several labels."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics
from scipy.special import expit, log_softmax, softmax

from edgepack.ground.errors import DataError, EdgepackError
from edgepack.metrics import Metric, Reading, confusion_matrix, label_confusion, load_metric, several_labels
from edgepack.metrics.scores import CLASS_SCORES, VALUE_SCORES
from edgepack.sources.data.check import is_class_metric

LOGITS = Reading(logits=True)
DRAW = np.random.default_rng(7)
CLASSES = DRAW.integers(0, 3, 300)
SCORES = (3 * DRAW.normal(size=(300, 3)) + 4 * np.eye(3)[CLASSES]).astype(np.float32)
YES = DRAW.integers(0, 2, 300)
ONE = (2 * DRAW.normal(size=(300, 1)) + 2 * YES[:, None] - 1).astype(np.float32)
LABELS = DRAW.integers(0, 2, (300, 4))
SEVERAL = (2 * DRAW.normal(size=(300, 4)) + 3 * LABELS - 1.5).astype(np.float32)


def metric(name: str, read: Reading | None = None) -> Metric:
    found = load_metric(name, Path())
    return found if read is None else found.of(read)


def test_every_metric_of_classes_has_its_labels_checked_when_data_is_loaded() -> None:
    assert {name for name in (*CLASS_SCORES, *VALUE_SCORES, "top_5") if is_class_metric(name)} == {*CLASS_SCORES, "top_5"}


@pytest.mark.parametrize("name", ["accuracy", "f1", "precision", "recall", "auc", "average_precision", "log_loss", "top_1"])
def test_a_logit_is_judged_as_its_probability(name: str) -> None:
    """Above 0, not above 0.5; every figure is that of the sigmoid of the output."""
    by_logits = metric(name, LOGITS).compute((ONE,), YES, ())
    by_shares = metric(name, Reading()).compute((expit(ONE.astype(np.float64)),), YES, ())
    assert by_logits == pytest.approx(by_shares, abs=1e-9)
    expected = {
        "accuracy": sklearn.metrics.accuracy_score(YES, ONE[:, 0] > 0),
        "top_1": sklearn.metrics.accuracy_score(YES, ONE[:, 0] > 0),
        "auc": sklearn.metrics.roc_auc_score(YES, ONE[:, 0]),
        "average_precision": sklearn.metrics.average_precision_score(YES, ONE[:, 0]),
        "log_loss": sklearn.metrics.log_loss(YES, expit(ONE[:, 0].astype(np.float64))),
    }
    assert by_logits == pytest.approx(expected.get(name, by_logits), abs=1e-6)


@pytest.mark.parametrize("name", ["accuracy", "f1", "auc", "average_precision", "log_loss", "top_2"])
def test_logits_of_classes_are_judged_as_their_softmax(name: str) -> None:
    shares = softmax(SCORES.astype(np.float64), axis=1)
    one_hot = np.eye(3)[CLASSES]
    expected = {
        "accuracy": sklearn.metrics.accuracy_score(CLASSES, SCORES.argmax(axis=1)),
        "f1": sklearn.metrics.f1_score(CLASSES, SCORES.argmax(axis=1), average="macro"),
        "auc": sklearn.metrics.roc_auc_score(CLASSES, shares, multi_class="ovr"),
        "average_precision": sklearn.metrics.average_precision_score(one_hot, shares),
        "log_loss": sklearn.metrics.log_loss(CLASSES, shares),
        "top_2": sklearn.metrics.top_k_accuracy_score(CLASSES, SCORES, k=2),
    }[name]
    assert metric(name, LOGITS).compute((SCORES,), CLASSES, ()) == pytest.approx(expected, abs=1e-6)
    assert metric(name, Reading()).compute((shares,), CLASSES, ()) == pytest.approx(expected, abs=1e-6)
    if name != "log_loss":  # logarithms of probabilities are logits too
        given = log_softmax(SCORES.astype(np.float64), axis=1)
        assert metric(name, LOGITS).compute((given,), CLASSES, ()) == pytest.approx(expected, abs=1e-6)


def test_two_logits_are_ordered_by_their_difference() -> None:
    both = np.concatenate([5 * DRAW.normal(size=(300, 1)), np.zeros((300, 1))], axis=1)
    both[:, 1] = both[:, 0] + ONE[:, 0]  # the second alone says nothing of the class
    assert metric("auc", LOGITS).compute((both,), YES, ()) == pytest.approx(sklearn.metrics.roc_auc_score(YES, ONE[:, 0]))


def test_two_sigmoids_of_one_class_are_shares_of_their_sum() -> None:
    both = DRAW.random((300, 2))
    expected = sklearn.metrics.roc_auc_score(YES, both[:, 1] / both.sum(axis=1))
    assert metric("auc", Reading()).compute((both,), YES, ()) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", sklearn.metrics.accuracy_score(LABELS, SEVERAL > 0)),
        ("binary_accuracy", 1 - sklearn.metrics.hamming_loss(LABELS, SEVERAL > 0)),
        ("f1", sklearn.metrics.f1_score(LABELS, SEVERAL > 0, average="macro")),
        ("f1_micro", sklearn.metrics.f1_score(LABELS, SEVERAL > 0, average="micro")),
        ("precision", sklearn.metrics.precision_score(LABELS, SEVERAL > 0, average="macro")),
        ("recall_micro", sklearn.metrics.recall_score(LABELS, SEVERAL > 0, average="micro")),
        ("auc", sklearn.metrics.roc_auc_score(LABELS, SEVERAL, average="macro")),
        ("average_precision", sklearn.metrics.average_precision_score(LABELS, SEVERAL, average="macro")),
        (
            "log_loss",
            np.mean([sklearn.metrics.log_loss(LABELS[:, place], expit(SEVERAL[:, place].astype(float))) for place in range(4)]),
        ),
    ],
)
@pytest.mark.parametrize("logits", [True, False])
def test_several_labels_agree_with_scikit_learn(name: str, expected: float, logits: bool) -> None:
    given = SEVERAL if logits else expit(SEVERAL.astype(np.float64))
    for labels in (LABELS, LABELS.astype(bool), LABELS.astype(np.float32), LABELS.astype(np.uint8)):
        found = metric(name, Reading(logits=logits, multilabel=True)).compute((given,), labels, ())
        assert found == pytest.approx(expected, abs=1e-6)
    if not logits:
        assert metric(name).compute((given,), LABELS, ()) == pytest.approx(expected, abs=1e-6), "told by the labels alone"


def test_several_labels_of_each_pixel() -> None:
    shape = (6, 5, 10, 4)
    read = Reading(logits=True, multilabel=True)
    found = metric("f1", read).compute((SEVERAL.reshape(shape),), LABELS.reshape(shape), ())
    assert found == pytest.approx(sklearn.metrics.f1_score(LABELS, SEVERAL > 0, average="macro"))


def test_a_resample_in_which_every_row_has_one_label_is_still_of_several() -> None:
    labels = np.eye(4, dtype=int)[DRAW.integers(0, 4, 60)]
    labels[0] = 1
    scores = labels - 0.5 + 0.1 * DRAW.normal(size=labels.shape)
    scores[1:, 0] = 2.0  # an argmax would always answer the first
    found = metric("f1", Reading(logits=True, multilabel=True))
    low, high = found.interval((scores,), labels, ()) or (0, 0)
    assert low <= found.compute((scores,), labels, ()) <= high


@pytest.mark.parametrize(
    ("labels", "output", "several"),
    [
        (LABELS, (4,), True),
        (np.eye(4)[[0, 1, 2, 3]], (4,), False),
        (np.array([[0.2, 0.8]]), (2,), False),
        (LABELS, (4, 3), False),  # a class for each of four positions
        (LABELS[:, :1], (1,), False),
        (CLASSES, (3,), False),
        (np.zeros((5, 4)), (4,), True),
    ],
)
def test_which_labels_are_several(labels: np.ndarray, output: tuple[int, ...], several: bool) -> None:
    assert several_labels([labels], output) == several


def test_a_threshold_of_the_project_is_used() -> None:
    outputs, labels = np.array([[0.35], [0.2], [0.6]]), np.array([1, 0, 1])
    assert load_metric("accuracy", Path(), 0.3).compute((outputs,), labels, ()) == 1.0
    assert load_metric("accuracy", Path()).compute((outputs,), labels, ()) == pytest.approx(2 / 3)


def test_confusions_of_classes_and_of_labels() -> None:
    expected = sklearn.metrics.confusion_matrix(YES, ONE[:, 0] > 0)
    assert np.array_equal(confusion_matrix((ONE,), YES, LOGITS), expected)
    found = label_confusion((SEVERAL,), LABELS, Reading(logits=True, multilabel=True))
    by_sklearn = sklearn.metrics.multilabel_confusion_matrix(LABELS, SEVERAL > 0).reshape(4, 4)
    assert np.array_equal(found, by_sklearn)
    assert confusion_matrix((SEVERAL,), LABELS, Reading(multilabel=True)) is None
    assert label_confusion((SCORES,), CLASSES, LOGITS) is None


DEGENERATE = {
    "one class": (SCORES, np.zeros(300, int)),
    "one example": (SCORES[:1], CLASSES[:1]),
    "a class missing": (SCORES, CLASSES % 2),
    "constant outputs": (np.zeros_like(SCORES), CLASSES),
    "infinite outputs": (np.where(SCORES > 3, -np.inf, SCORES), CLASSES),
    "bool": (ONE, YES.astype(bool)),
    "float": (SCORES, CLASSES.astype(np.float32)),
    "column": (SCORES, CLASSES[:, None]),
    "one-hot": (SCORES, np.eye(3)[CLASSES]),
    "uint8": (SCORES, CLASSES.astype(np.uint8)),
    "uint8 one-hot": (SCORES, np.eye(3, dtype=np.uint8)[CLASSES]),
    "no example": (SCORES[:0], CLASSES[:0]),
    "not a number": (np.where(SCORES > 3, np.nan, SCORES), CLASSES),
    "strings": (SCORES, np.array(["a", "b", "c"])[CLASSES]),
    "fractions": (SCORES, CLASSES + 0.5),
    "too many classes": (SCORES, CLASSES + 1),
    "negative": (SCORES, CLASSES - 1),
    "-1 and 1": (ONE, 2 * YES - 1),
    "labels of one value": (SEVERAL, np.ones_like(LABELS)),
    "labels, one example": (SEVERAL[:1], LABELS[:1]),
}
REFUSED = {
    "no example": "EP-312",
    "not a number": "EP-329",
    "strings": "EP-308",
    "fractions": "EP-322",
    "too many classes": "EP-322",
    "negative": "EP-322",
    "-1 and 1": "EP-322",
}


@pytest.mark.parametrize("case", DEGENERATE)
@pytest.mark.parametrize("name", [*CLASS_SCORES, "top_2"])
def test_whatever_the_data_a_figure_is_a_number_or_an_error_of_one_line(name: str, case: str) -> None:
    outputs, labels = DEGENERATE[case]
    read = Reading(logits=True, multilabel=case.startswith("labels"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            value = metric(name, read).compute((outputs,), labels, ())
            interval = metric(name, read).interval((outputs,), labels, ())
        except EdgepackError as error:
            curves = name in ("auc", "roc_auc", "average_precision") and case in (
                "one class",
                "one example",
                "labels of one value",
                "labels, one example",
            )
            several = name == "top_2" and case.startswith("labels")
            assert error.code == REFUSED.get(case, "EP-311" if curves else "EP-322" if several else "none"), error
            assert "\n" not in str(error)
            return
    assert case not in REFUSED
    assert np.isfinite(value) and (interval is None or np.isfinite(interval).all())


@pytest.mark.parametrize("form", ["bool", "float", "column", "one-hot", "uint8", "uint8 one-hot"])
def test_the_form_of_labels_does_not_change_a_figure(form: str) -> None:
    outputs, labels = DEGENERATE[form]
    plain = YES if form == "bool" else CLASSES
    for name in CLASS_SCORES:
        assert metric(name, LOGITS).compute((outputs,), labels, ()) == metric(name, LOGITS).compute((outputs,), plain, ())


def test_auc_over_the_classes_that_occur() -> None:
    shares = softmax(SCORES.astype(np.float64), axis=1)
    labels = CLASSES % 2
    expected = np.mean([sklearn.metrics.roc_auc_score(labels == place, shares[:, place]) for place in (0, 1)])
    assert metric("auc", LOGITS).compute((SCORES,), labels, ()) == pytest.approx(expected)


def test_values_that_are_no_numbers_are_refused_too() -> None:
    for name in VALUE_SCORES:
        with pytest.raises(EdgepackError) as caught:
            metric(name).compute((np.array([[np.nan]]),), np.array([1.0]), ())
        assert caught.value.code == "EP-329"
        with pytest.raises(DataError):
            metric(name).compute((np.zeros((0, 1)),), np.zeros(0), ())
