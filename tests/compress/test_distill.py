"""Every step can learn from a teacher, and `distill` trains another model from one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.compress import Compressed, compress
from edgepack.compress.named import NamedModel
from edgepack.compress.stored import open_compressed
from edgepack.compress.technique import FineTuning
from edgepack.compress.training.fit import fit
from edgepack.compress.training.loss import choose_loss
from edgepack.compress.work import Work
from edgepack.ground.cache import Cache
from edgepack.ground.errors import ProjectError, RecipeError
from edgepack.ground.progress import SilentProgress
from edgepack.metrics import Metric
from edgepack.sources import Dataset

from .small import dataset, digits, digits_net, fresh, noise, recipe, source_of
from .test_fit import Recorder
from .test_run import Stopping

STUDENT = """
import tf_keras as keras

def build_student():
    layers = keras.layers
    return keras.Sequential([layers.Input((8, 8, 1)), layers.Conv2D(4, 3, strides=2, activation="relu", name="tiny"),
        layers.Flatten(), layers.Dense(10, activation="softmax")])

def wrong():
    return keras.Sequential([keras.layers.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
"""


class Given(NamedModel):
    """A teacher that is a model in memory."""

    def __new__(cls, model: Any, outputs: Any = None) -> Any:
        teacher = object.__new__(cls)
        object.__setattr__(teacher, "outputs", outputs)
        object.__setattr__(teacher, "open", lambda: model)
        return teacher

    def __init__(self, model: Any, outputs: Any = None) -> None:
        pass


def dense(width: int, seed: int = 0, hidden: int = 0) -> Any:
    keras = fresh(seed)
    start = x = keras.Input((5,))
    if hidden:
        x = keras.layers.Dense(hidden, activation="relu", name="hidden")(x)
    return keras.Model(start, keras.layers.Dense(width, name="head")(x))


def taught(model: Any, teacher: Any, data: Dataset, **options: Any) -> Any:
    tuning = FineTuning(**{"teacher": "float", "decay": "none", "patience": 0, **options})
    work = Work(data, Recorder(), teacher=teacher)
    return fit(model, work, tuning, choose_loss(model, data, "auto"), first_candidate=tuning.epochs)


def test_a_student_becomes_its_teacher_where_labels_say_nothing() -> None:
    data = noise(((5,),), 3, count=400)
    teacher, student = dense(3, seed=1), dense(3, seed=2)
    taught(student, Given(teacher), data, epochs=30, learning_rate=0.03, alpha=1.0)
    x = data.test.inputs[0]
    probabilities = [np.exp(out) / np.exp(out).sum(axis=1, keepdims=True) for out in (student(x).numpy(), teacher(x).numpy())]
    np.testing.assert_allclose(*probabilities, atol=0.02)


def test_without_alpha_the_teacher_changes_nothing() -> None:
    data = noise(((5,),), 3)
    with_teacher, without = dense(3, seed=2), dense(3, seed=2)
    taught(with_teacher, Given(dense(3, seed=1)), data, epochs=2, alpha=0.0, learning_rate=0.01)
    fresh(0)
    taught(without, None, data, epochs=2, learning_rate=0.01)
    for ours, theirs in zip(with_teacher.get_weights(), without.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_stored_outputs_and_a_teacher_in_the_graph_teach_the_same() -> None:
    data = noise(((5,),), 3)
    teacher = dense(3, seed=1)
    outputs = teacher.predict(data.train.inputs[0], verbose=0)
    students = [dense(3, seed=2) for _ in range(2)]
    for student, given in zip(students, (Given(teacher), Given(teacher, outputs)), strict=True):
        taught(student, given, data, epochs=3, learning_rate=0.01)
    for ours, theirs in zip(*(student.get_weights() for student in students), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_regression_and_reproduction_learn_the_teachers_values() -> None:
    x = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
    data = dataset(("values",), (x,), x[:, :2] * 0, 150, 25)
    teacher, student = dense(2, seed=1), dense(2, seed=2)
    taught(student, Given(teacher), data, epochs=30, learning_rate=0.05, alpha=1.0)
    np.testing.assert_allclose(student.get_weights()[0], teacher.get_weights()[0], atol=0.05)


def test_the_reported_loss_is_the_mixed_one() -> None:
    data = noise(((5,),), 3)
    task = Recorder()
    teacher, student = dense(3, seed=1), dense(3, seed=2)
    x, labels = data.train.inputs[0], data.train.labels
    hard = float(choose_loss(student, data, "auto").build()(labels, student(x)))
    p, q = (np.exp(out / 2) / np.exp(out / 2).sum(axis=1, keepdims=True) for out in (teacher(x).numpy(), student(x).numpy()))
    soft = 4 * float(np.mean(np.sum(p * np.log(p / q), axis=1)))
    tuning = FineTuning(teacher="float", epochs=1, batch_size=len(x), temperature=2.0, alpha=0.25)
    fit(student, Work(data, task, teacher=Given(teacher)), tuning, choose_loss(student, data, "auto"))
    assert f"loss {0.75 * hard + 0.25 * soft:.4g}" in task.updates[0][2]


def test_matched_layers_of_another_width_follow_through_a_projection() -> None:
    data = noise(((5,),), 3, count=200)
    teacher, student = dense(3, seed=1, hidden=12), dense(3, seed=2, hidden=6)

    def unexplained() -> float:
        """The share of the teacher's layer that no linear map of the student's explains."""
        hidden = [fresh(0).Model(model.input, model.get_layer("hidden").output) for model in (student, teacher)]
        ours, theirs = (part.predict(data.train.inputs[0], verbose=0) for part in hidden)
        left = theirs - ours @ np.linalg.lstsq(ours, theirs, rcond=None)[0]
        return float((left**2).sum() / (theirs**2).sum())

    before = unexplained()
    taught(student, Given(teacher), data, epochs=40, learning_rate=0.02, alpha=1.0, match=("hidden",), match_weight=20.0)
    assert unexplained() < 0.7 * before
    assert [weight.shape for weight in student.get_weights()] == [(5, 6), (6,), (6, 3), (3,)]


@pytest.mark.parametrize(
    ("match", "code", "text"),
    [
        ("hiden", "EP-412", "'hiden'"),
        ("hidden=nowhere", "EP-412", "teacher has no such layer"),
        ("image=flat", "EP-418", "gives (8, 8, 1)"),
    ],
)
def test_layers_that_cannot_be_matched_are_refused(match: str, code: str, text: str) -> None:
    keras = fresh(0)
    start = keras.Input((8, 8, 1), name="image")
    hidden = keras.layers.Conv2D(2, 3, name="hidden")(start)
    model = keras.Model(start, keras.layers.Dense(10, activation="softmax")(keras.layers.Flatten(name="flat")(hidden)))
    with pytest.raises(RecipeError) as caught:
        taught(model, Given(model), digits(), match=(match,))
    assert caught.value.code == code and text in str(caught.value)


@pytest.fixture(scope="module")
def distilled(tmp_path_factory: pytest.TempPathFactory, accuracy: Metric) -> tuple[Compressed, Path, Any]:
    folder = tmp_path_factory.mktemp("distilled")
    source = source_of(digits_net(), folder / "source", trained=False)
    (source.folder / "model.py").write_text(STUDENT)
    steps = recipe(
        {"step": "train", "epochs": 6, "learning_rate": 0.01},
        {"step": "distill", "epochs": 3, "learning_rate": 0.01},
        {"step": "prune", "epochs": 1, "teacher": "float"},
        {"step": "quantize", "epochs": 1, "teacher": "model.h5", "temperature": 2.0},
    )
    return compress(source, digits(), steps, accuracy, Cache(folder / "cache"), SilentProgress()), folder, steps


def test_a_students_architecture_goes_through_the_rest_of_the_recipe(distilled: Any) -> None:
    compressed, _, _ = distilled
    model = open_compressed(compressed)
    assert "quant_tiny" in [layer.name for layer in model.layers]
    labels = [row.label for row in compressed.steps]
    assert labels == ["train", "distill model.py:build_student", "prune 50 %", "quantize int8, aware"]
    assert compressed.steps[1].parameters == 4 * 10 + 36 * 10 + 10 < compressed.steps[0].parameters
    assert "parameters, the model before it 2,018" in compressed.steps[1].notes[0]
    assert compressed.steps[1].metric > 0.45
    assert compressed.steps[3].zeros >= compressed.steps[2].zeros > 190


def test_a_teachers_answers_are_computed_once_and_shared_by_steps(distilled: Any) -> None:
    _, folder, _ = distilled
    stored = sorted((folder / "cache").glob("teacher-*"))
    assert len(stored) == 2  # the float model's for two steps, model.h5's for the last
    assert all(np.load(path / "outputs.npy").shape == (900, 10) for path in stored)


def test_another_teacher_is_another_result_and_the_same_one_comes_from_the_cache(distilled: Any, accuracy: Metric) -> None:
    compressed, folder, steps = distilled
    source, cache = compressed.source, Cache(folder / "cache")
    assert compress(source, digits(), steps, accuracy, cache, SilentProgress()) == compressed
    before = len(list(cache.folder.glob("distill-*")))
    (source.folder / "model.py").write_text(STUDENT.replace("Conv2D(4,", "Conv2D(3,"))
    short = (*steps[:2], *recipe({"step": "quantize", "aware": False}))
    again = compress(source, digits(), short, accuracy, cache, SilentProgress())
    assert again.steps[1].parameters < compressed.steps[1].parameters
    assert len(list(cache.folder.glob("distill-*"))) == before + 1


@pytest.mark.parametrize(
    ("table", "code", "text"),
    [
        ({"step": "distill", "student": "model.py:nothing"}, "EP-226", "student 'model.py:nothing'"),
        ({"step": "distill", "student": "model.py:wrong"}, "EP-418", "its first output 3, the model's 10"),
        ({"step": "prune", "teacher": "other.h5"}, "EP-220", "teacher 'other.h5'"),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused_before_anything_is_trained(
    table: dict[str, Any], code: str, text: str, tmp_path: Path, accuracy: Metric
) -> None:
    source = source_of(digits_net(), tmp_path / "source", trained=False)
    (source.folder / "model.py").write_text(STUDENT)
    steps = recipe({"step": "train"}, table, {"step": "quantize"})
    with pytest.raises((RecipeError, Exception)) as caught:
        compress(source, digits(), steps, accuracy, Cache(tmp_path / "cache"), SilentProgress())
    assert caught.value.code == code and text in str(caught.value)  # type: ignore[attr-defined]


def test_a_float_teacher_must_have_learnt_something(tmp_path: Path, accuracy: Metric) -> None:
    source = source_of(digits_net(), tmp_path / "source", trained=False)
    with pytest.raises(RecipeError, match="random weights") as caught:
        compress(
            source, digits(), recipe({"step": "quantize", "teacher": "float"}), accuracy, Cache(tmp_path / "c"), SilentProgress()
        )
    assert caught.value.code == "EP-418"


@pytest.mark.parametrize(
    ("tables", "code", "text"),
    [
        (({"step": "prune", "alpha": 0.5}, {"step": "quantize"}), "EP-405", "alpha has no meaning without a teacher"),
        (({"step": "train", "teacher": "float"}, {"step": "quantize"}), "EP-405", "only trains"),
        (({"step": "quantize", "aware": False, "teacher": "float"},), "EP-405", "teacher has no meaning"),
        (({"step": "prune"}, {"step": "distill"}, {"step": "quantize"}), "EP-404", "distill would destroy the zeros"),
        (({"step": "distill", "student": "float"}, {"step": "quantize"}), "EP-403", "student"),
        (({"step": "distill", "teacher": ""}, {"step": "quantize"}), "EP-403", "teacher"),
    ],
)
def test_recipes_that_make_no_sense_are_refused(tables: tuple[dict[str, Any], ...], code: str, text: str) -> None:
    with pytest.raises(ProjectError) as caught:
        recipe(*tables)
    assert caught.value.code == code and text in str(caught.value)


@pytest.mark.slow
def test_a_run_with_a_teacher_that_was_stopped_ends_like_one_that_was_not(tmp_path: Path, accuracy: Metric) -> None:
    source = source_of(digits_net(), tmp_path / "source")
    steps = recipe({"step": "prune", "epochs": 1, "teacher": "float"}, {"step": "quantize", "aware": False})
    stopped, whole = Cache(tmp_path / "stopped"), Cache(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        compress(source, digits(), steps, accuracy, stopped, Stopping("Pruning", "batch 3/"))
    left = {path.name.split("-")[0] for path in stopped.folder.iterdir()}
    assert "teacher" in left and "prune" not in left
    resumed = compress(source, digits(), steps, accuracy, stopped, SilentProgress())
    assert resumed.sha256 == compress(source, digits(), steps, accuracy, whole, SilentProgress()).sha256
