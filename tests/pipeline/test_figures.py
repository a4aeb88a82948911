"""Figures of ready models and of projects with little in them: had where they can be, and said where not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgepack
from edgepack.ground.errors import EdgepackError
from edgepack.ground.user_cache import user_cache
from edgepack.measure.mcu.measurements import mcu_metric
from edgepack.metrics import load_metric
from edgepack.pack import read_pack
from edgepack.report import Report
from edgepack.sources import Dataset, Split, import_tf_keras
from tests.compile.builder import ModelBuilder

DRAW = np.random.default_rng(4)
WEIGHTS = DRAW.integers(-100, 101, (3, 6)).astype(np.int8)
X = DRAW.normal(size=(200, 6)).astype(np.float32)
LOGITS = X @ (0.02 * WEIGHTS.astype(np.float32)).T
CLASSES = LOGITS.argmax(axis=1)
SEVERAL = (LOGITS > 0).astype(np.int64)


def tflite(kind: str, columns: int = 3, inputs: int = 6) -> bytes:
    """A dense layer without a bias that gives logits; float, or int8 with the same weights."""
    builder, whole = ModelBuilder(), WEIGHTS[:columns, :inputs]
    if kind == "float32":
        start, end = (
            builder.tensor((1, inputs), "float32", name="input"),
            builder.tensor((1, columns), "float32", name="dense/out"),
        )
        weights = builder.tensor(whole.shape, "float32", data=(0.02 * whole).astype(np.float32), name="dense/kernel")
    else:
        start, end = (
            builder.tensor((1, inputs), scale=0.04, name="input"),
            builder.tensor((1, columns), scale=0.15, name="dense/out"),
        )
        weights = builder.tensor(whole.shape, scale=0.02, data=whole, name="dense/kernel")
    builder.operator("FULLY_CONNECTED", [start, weights, -1], [end], "FullyConnectedOptions")
    return bytes(builder.finish([start], [end]))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEPACK_CACHE", str(user_cache()))  # what was compiled for one home is there for the next
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "int8.tflite").write_bytes(tflite("int8"))
    (tmp_path / "float.tflite").write_bytes(tflite("float32"))
    np.savez(tmp_path / "test.npz", x_test=X, y_test=CLASSES)
    return tmp_path


def deployed(folder: Path, **options: Any) -> Report:
    settings = {"device.runs": 3, "device.warmup": 0, **options.pop("settings", {})}
    model = options.pop("model", folder / "int8.tflite")
    found = edgepack.deploy(model, target="host", out=folder / "out", settings=settings, quiet=True, **options)
    assert isinstance(found, Report)
    return found


def verdict(report: Report, budget: str) -> Any:
    return next(item for item in report.verdicts if item.budget == budget)


def test_test_examples_alone_measure_a_ready_model_and_a_drop_without_a_float_model_does_not_count(folder: Path) -> None:
    report = deployed(folder, data=folder / "test.npz")
    assert report.accuracy is not None and report.accuracy > 0.9
    drop = verdict(report, "accuracy_drop")
    assert (drop.status, drop.counts) == ("NOT MEASURED", False) and "--float FILE" in drop.why
    assert report.exit_code == 0 or any(item.status == "FAIL" for item in report.verdicts)
    stored = json.loads((folder / "out" / "report.json").read_text())
    assert [item["counts"] for item in stored["verdicts"] if item["budget"] == "accuracy_drop"] == [False]


@pytest.mark.parametrize(("least", "status"), [(0.9, "PASS"), (0.99, "FAIL")])
def test_a_budget_of_accuracy_itself_is_judged(folder: Path, least: float, status: str) -> None:
    np.savez(folder / "test.npz", x_test=X, y_test=np.where(np.arange(200) < 5, (CLASSES + 1) % 3, CLASSES))
    report = deployed(folder, data=folder / "test.npz", settings={"budget.accuracy": least})
    assert verdict(report, "accuracy").status == status
    html = (folder / "out" / "report.html").read_text()
    assert f"at least {least:g}" in html


def test_a_float_tflite_is_what_the_drop_is_counted_from(folder: Path) -> None:
    report = deployed(folder, data=folder / "test.npz", float_model=folder / "float.tflite")
    assert report.model is not None and report.model.baseline == 1.0, "the labels are its own answers"
    drop = verdict(report, "accuracy_drop")
    assert drop.status in ("PASS", "FAIL") and drop.measurement.value == pytest.approx(1 - (report.accuracy or 0))
    assert report.explanation is not None and report.explanation.errors.layers, "and what its layers are compared with"


def test_a_project_names_its_float_model(folder: Path) -> None:
    (folder / "edgepack.toml").write_text(
        '[model]\nsource = "int8.tflite"\nfloat = "float.tflite"\n[data]\nsource = "test.npz"\nmetric = "log_loss"\n'
    )
    report = deployed(folder, model=folder)
    drop = verdict(report, "accuracy_drop").measurement
    assert drop.conditions["baseline"] == pytest.approx(report.model.baseline) if report.model else False
    shares = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    by_hand = -np.log(shares[np.arange(200), CLASSES]).mean()
    assert drop.conditions["baseline"] == pytest.approx(by_hand, rel=1e-4), "logits went through softmax"
    explained = edgepack.explain(folder, quiet=True)
    assert explained.errors.layers


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: tflite("int8"), "is no float model: it is quantized itself"),
        (lambda: tflite("float32", columns=2), "not one network"),
        (lambda: tflite("float32", inputs=5), "not one network"),
    ],
)
def test_what_is_no_float_model_of_it_is_refused(folder: Path, make: Callable[[], bytes], said: str) -> None:
    (folder / "float.tflite").write_bytes(make())
    with pytest.raises(EdgepackError, match=said) as caught:
        deployed(folder, data=folder / "test.npz", float_model=folder / "float.tflite")
    assert caught.value.code == "EP-288"


def test_several_labels_are_judged_and_each_is_shown(folder: Path) -> None:
    np.savez(folder / "test.npz", x_test=X, y_test=SEVERAL)
    report = deployed(folder, data=folder / "test.npz", float_model=folder / "float.tflite")
    assert report.model is not None and report.model.baseline == 1.0, "above 0, for these are logits"
    assert report.accuracy is not None and report.accuracy > 0.9
    labels = report.explanation.labels if report.explanation else None
    assert labels is not None and [sum(row) for row in labels] == [200] * 3
    assert [row[2] + row[3] for row in labels] == SEVERAL.sum(axis=0).tolist()
    assert "Wrongly found" in (folder / "out" / "report.html").read_text()


def test_a_model_no_better_than_the_largest_class_is_told(folder: Path) -> None:
    np.savez(folder / "test.npz", x_test=X, y_test=np.where(np.arange(200) < 195, 1, 2))
    report = deployed(folder, data=folder / "test.npz")
    assert any("always answering the largest class (0.9750)" in text for text in report.warnings)


def test_one_output_of_logits_is_compared_with_0_and_with_the_projects_threshold(folder: Path) -> None:
    (folder / "one.tflite").write_bytes(tflite("int8", columns=1))
    np.savez(folder / "test.npz", x_test=X, y_test=(LOGITS[:, 0] > 0).astype(int))
    right = deployed(folder, model=folder / "one.tflite", data=folder / "test.npz").accuracy
    (folder / "edgepack.toml").write_text('[model]\nsource = "one.tflite"\n[data]\nsource = "test.npz"\nthreshold = 2.0\n')
    other = deployed(folder, model=folder).accuracy
    assert right is not None and other is not None and right > 0.95 > other


@pytest.mark.parametrize(
    ("toml", "code", "said"),
    [
        ("", "EP-104", "model"),
        ('[model]\nsource = "model.py:build"\n', "EP-301", "names no data"),
        ('[model]\nsource = "net.h5"\n', "EP-301", "names no data"),
        ('[model]\nsource = "net.h5"\n[data]\nsource = "test.npz"\n', "EP-303", "no training examples, only test"),
    ],
)
def test_a_project_with_too_little_in_it_is_told_in_two_lines(folder: Path, toml: str, code: str, said: str) -> None:
    (folder / "edgepack.toml").write_text(toml)
    (folder / "model.py").write_text("def build(data):\n    raise RuntimeError\n")
    (folder / "net.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(EdgepackError, match=said) as caught:
        deployed(folder, model=folder)
    assert caught.value.code == code and caught.value.hint and "\n" not in str(caught.value)


def test_a_ready_model_needs_no_data(folder: Path) -> None:
    (folder / "edgepack.toml").write_text('[model]\nsource = "int8.tflite"\n')
    report = deployed(folder, model=folder)
    assert report.accuracy is None and not verdict(report, "accuracy_drop").counts


def test_the_same_c_is_not_run_on_data_of_another_shape(folder: Path) -> None:
    deployed(folder)
    golden = read_pack(folder / "out" / "pack").golden
    for inputs in ((X[:, :5],), (X, X)):
        split = Split(inputs, CLASSES)
        data = Dataset(split, split, split, split, "", (), {})
        with pytest.raises(EdgepackError) as caught:
            mcu_metric({}, "m", golden, data, load_metric("accuracy", folder), edgepack.ground.progress.SilentProgress())
        assert caught.value.code == "EP-381"


@pytest.mark.slow
def test_a_keras_file_is_what_the_drop_is_counted_from(folder: Path) -> None:
    keras = import_tf_keras()
    net = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3, use_bias=False, name="dense")])
    net.layers[-1].set_weights([0.02 * WEIGHTS.T.astype(np.float32)])
    net.save(folder / "net.h5")
    report = deployed(folder, data=folder / "test.npz", float_model=folder / "net.h5")
    assert report.model is not None and report.model.baseline == 1.0
    assert verdict(report, "accuracy_drop").counts
    assert report.explanation is not None and [layer.layer for layer in report.explanation.errors.layers] == ["dense"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["logit", "several"])
def test_a_keras_project_from_training_to_the_device(tmp_path: Path, kind: str) -> None:
    """Without a recipe of its own: the float model's file, int8 after training, and one reading of the outputs all the way."""
    (tmp_path / "data.py").write_text(
        "import numpy as np\n"
        "def load(path):\n"
        "    def make(count, seed):\n"
        "        draw = np.random.default_rng(seed)\n"
        "        y = draw.integers(0, 2, (count, 3))\n"
        "        x = draw.normal(0, 0.4, (count, 6)); x[:, :3] += y\n"
        f"        return x.astype('float32'), {'y[:, 0]' if kind == 'logit' else 'y'}\n"
        "    return {'train': make(600, 0), 'test': make(400, 1)}\n"
    )
    activation = "None" if kind == "logit" else "'sigmoid'"
    (tmp_path / "model.py").write_text(
        "import tf_keras as keras\n"
        "def build(data):\n"
        f"    units = {'1' if kind == 'logit' else 'data.classes'}\n"
        f"    last = keras.layers.Dense(units, activation={activation})\n"
        "    return keras.Sequential([keras.layers.Input(data.input_shape), last])\n"
    )
    (tmp_path / "edgepack.toml").write_text(
        '[model]\nsource = "model.py:build"\n[data]\nsource = "data.py:load"\n'
        '[[recipe]]\nstep = "train"\nepochs = 8\nlearning_rate = 0.05\n[[recipe]]\nstep = "quantize"\nepochs = 1\n'
    )
    report = deployed(tmp_path, model=tmp_path)
    # The best that can be had of one label: its mean moves by 2.5 standard deviations.
    best = 0.8944 if kind == "logit" else 0.8944**3
    assert [row.metric for row in report.steps] == pytest.approx([best] * 3, abs=0.05)
    assert report.accuracy == pytest.approx(report.steps[-1].metric, abs=0.01)
    assert report.steps[-1].file_bytes and report.steps[-1].int8_bytes < report.steps[-1].file_bytes
    assert not any("always answering" in text for text in report.warnings)
