"""A recipe runs step by step, each kept: reruns cost nothing, stopped runs resume, equal inputs give equal weights."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.compress import compress
from edgepack.compress.keras.kernels import kernels
from edgepack.compress.registry import STEPS
from edgepack.compress.steps.prune import Prune
from edgepack.compress.steps.train import Train
from edgepack.compress.stored import open_stored, store_model
from edgepack.ground.cache import Cache
from edgepack.ground.errors import RecipeError
from edgepack.ground.progress import SilentProgress
from edgepack.metrics import Metric
from edgepack.sources import SourceModel

from .conftest import Walk
from .small import digits, digits_net, fresh, noise, recipe, source_of

ROOT = Path(__file__).resolve().parents[2]


def test_every_step_has_a_row_and_the_first_is_the_baseline(walk: Walk) -> None:
    rows = walk.compressed.steps
    assert [row.label for row in rows] == ["train", "prune 50 %", "quantize int8, aware"]
    assert walk.compressed.baseline_metric == rows[0].metric > 0.9
    assert rows[-1].metric > rows[0].metric - 0.08


def test_a_rows_metric_is_that_of_the_stored_model_on_the_test_split(walk: Walk) -> None:
    test = digits().test
    for stage, row in zip(("train", "prune", "quantize"), walk.compressed.steps, strict=True):
        scores = walk.model(stage).predict(test.inputs[0], verbose=0)
        assert row.metric == pytest.approx(float(np.mean(scores.argmax(axis=1) == test.labels)))


def test_zeros_that_a_model_comes_with_are_kept(tmp_path: Path, accuracy: Metric) -> None:
    model = digits_net()
    head = model.get_layer("head")
    head.kernel.assign(np.where(np.arange(head.kernel.shape[0])[:, None] % 2, head.kernel.numpy(), 0))
    zero = head.kernel.numpy() == 0
    steps = recipe({"step": "quantize", "epochs": 1, "learning_rate": 0.01})
    cache = Cache(tmp_path / "cache")
    found = compress(source_of(model, tmp_path / "source"), digits(), steps, accuracy, cache, SilentProgress())
    assert found.quantization.preserved == ("zeros",) and "zeros; they are kept" in found.steps[0].notes[0]
    values = {kernel.layer: kernel.values for kernel in kernels(open_stored(found.source, found.file))}
    assert np.all(values["head"][zero] == 0) and not np.any(values["head"][~zero] == 0)


def test_quantization_says_what_conversion_must_know(walk: Walk) -> None:
    quantization = walk.compressed.quantization
    assert (quantization.scheme, quantization.aware, quantization.preserved) == ("int8", True, ("zeros",))


def test_an_unchanged_run_computes_nothing_and_imports_no_tensorflow(walk: Walk, accuracy: Metric) -> None:
    before = {path: path.stat().st_ino for path in walk.cache.folder.iterdir()}
    again = compress(walk.compressed.source, digits(), walk.steps, accuracy, Cache(walk.cache.folder), SilentProgress())
    assert again == walk.compressed
    assert {path: path.stat().st_ino for path in walk.cache.folder.iterdir()} == before
    script = (
        "import pickle, sys; from edgepack.compress import compress; from edgepack.ground.cache import Cache;"
        "from edgepack.metrics import load_metric; from edgepack.ground.progress import SilentProgress; from pathlib import Path;"
        "from tests.compress.small import digits, recipe; from edgepack.sources import SourceModel;"
        "source = pickle.load(sys.stdin.buffer); steps = recipe({'step': 'train', 'epochs': 10, 'learning_rate': 0.01},"
        "{'step': 'prune', 'epochs': 4, 'learning_rate': 0.003, 'depthwise': True},"
        "{'step': 'quantize', 'epochs': 2, 'learning_rate': 0.001});"
        "compress(source, digits(), steps, load_metric('accuracy', Path()), Cache(Path(sys.argv[1])), SilentProgress());"
        "sys.exit('tensorflow' in sys.modules)"
    )
    import pickle

    given = pickle.dumps(walk.compressed.source)
    ran = subprocess.run([sys.executable, "-c", script, str(walk.cache.folder)], input=given, cwd=ROOT, check=False)
    assert ran.returncode == 0


def test_a_changed_option_recomputes_that_step_and_those_after_it(
    walk: Walk, accuracy: Metric, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    real = Prune.apply
    monkeypatch.setattr(Prune, "apply", lambda step, model, work: called.append("prune") or real(step, model, work))
    monkeypatch.setattr(Train, "apply", lambda step, model, work: called.append("train"))
    steps = list(walk.steps)
    steps[1] = steps[1].model_copy(update={"epochs": 1, "schedule": "constant"})
    steps[2] = recipe({"step": "quantize", "aware": False})[0]
    result = compress(walk.compressed.source, digits(), steps, accuracy, Cache(walk.cache.folder), SilentProgress())
    assert called == ["prune"]
    assert result.sha256 != walk.compressed.sha256 and not result.quantization.aware
    assert result.steps[2].metric == result.steps[1].metric


def test_training_is_left_out_for_a_model_with_weights(tmp_path: Path, accuracy: Metric) -> None:
    source = source_of(digits_net(), tmp_path / "source", trained=True)
    steps = recipe({"step": "train"}, {"step": "quantize", "aware": False})
    result = compress(source, digits(), steps, accuracy, Cache(tmp_path / "cache"), SilentProgress())
    assert [row.label for row in result.steps] == ["float model", "quantize int8"]
    assert "train left out: the model comes with trained weights" in result.steps[0].notes


def test_an_empty_recipe_quantizes_after_training(tmp_path: Path, accuracy: Metric) -> None:
    source = source_of(digits_net(), tmp_path / "source")
    result = compress(source, digits(), (), accuracy, Cache(tmp_path / "cache"), SilentProgress())
    assert (result.quantization.scheme, result.quantization.aware) == ("int8", False)


def test_a_ready_tflite_cannot_be_compressed(tmp_path: Path, accuracy: Metric) -> None:
    source = SourceModel("tflite", tmp_path / "m.tflite", "", None, (), tmp_path, True, (), ())
    with pytest.raises(RecipeError) as caught:
        compress(source, digits(), recipe({"step": "quantize"}), accuracy, Cache(tmp_path), SilentProgress())
    assert caught.value.code == "EP-410"


@pytest.mark.slow
def test_a_killed_run_goes_on_after_the_last_finished_step_to_the_weights_of_a_whole_run(
    tmp_path: Path,
) -> None:
    """So equal inputs give equal weights in every process: of three, one made the first step, one the second, one both."""
    killed = _process(tmp_path / "killed", "kill")
    assert killed.returncode == -9
    stages = [path.name.split("-")[0] for path in (tmp_path / "killed" / "cache").iterdir() if not path.name.startswith(".")]
    assert "prune" in stages and "quantize" not in stages
    resumed, whole = _process(tmp_path / "killed", "resume"), _process(tmp_path / "whole", "whole")
    assert whole.stdout.strip() and resumed.stdout == whole.stdout


@pytest.mark.slow
def test_a_run_that_is_stopped_in_every_step_makes_each_of_them_again_and_no_other(
    tmp_path: Path, accuracy: Metric, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every technique in one recipe, each stopped when half of its model was written, and then begun again."""
    short = {"epochs": 1, "learning_rate": 1e-4}
    steps = recipe(
        {"step": "train", **short},
        {"step": "distill", "student": "student.h5", **short},
        {"step": "fold"},
        {"step": "structured", "macs": 0.8, **short},
        {"step": "low_rank", "energy": 0.5, **short},
        {"step": "equalize"},
        {"step": "prune", **short},
        {"step": "cluster", **short},
        {"step": "bias_correction", "examples": 16},
        {"step": "quantize", "weights": "int4", **short},
    )
    assert {step.name for step in steps} == set(STEPS)
    source = source_of(_plain_net(1), tmp_path / "source", trained=False)
    _plain_net(2).save(source.folder / "student.h5")
    runs: list[list[str]] = []

    def stopping(model: Any, file: Path) -> str:
        """Stores a model that the run before was stopped at; else stops."""
        sha256 = store_model(model, file)
        runs[-1].append(sha256)
        if len(runs) == 1 or len(runs[-1]) == 2:
            file.write_bytes(file.read_bytes()[:1000])
            raise KeyboardInterrupt
        return sha256

    monkeypatch.setattr("edgepack.compress.run.store_model", stopping)
    data, cache, done = noise(((8, 8, 1),), 10), Cache(tmp_path / "cache"), None
    while done is None:
        runs.append([])
        with suppress(KeyboardInterrupt):
            done = compress(source, data, steps, accuracy, cache, SilentProgress())
    assert [len(run) for run in runs] == [1, *[2] * (len(steps) + 1), 1]  # the source and the student are stored too
    assert [run[0] for run in runs[1:]] == [run[-1] for run in runs[:-1]]
    assert done.sha256 == runs[-1][-1]


def _plain_net(seed: int) -> Any:
    """Something for every technique, in few layers."""
    keras = fresh(seed)
    layers = keras.layers
    stack = [layers.Input((8, 8, 1)), layers.Conv2D(8, 3, strides=2), layers.BatchNormalization(), layers.ReLU()]
    return keras.Sequential([*stack, layers.Flatten(), layers.Dense(16, activation="relu"), layers.Dense(10)])


def _process(folder: Path, mode: str) -> subprocess.CompletedProcess[str]:
    """`_main` in a process of its own."""
    command = [sys.executable, "-m", "tests.compress.test_run", str(folder), mode]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_ctrl_c_in_a_step_leaves_nothing_half_written(tmp_path: Path, accuracy: Metric) -> None:
    source = source_of(digits_net(), tmp_path / "source")
    with pytest.raises(KeyboardInterrupt):
        compress(source, digits(), _short(), accuracy, Cache(tmp_path / "cache"), Stopping("Pruning", "batch 3/"))
    names = [path.name.split("-")[0] for path in (tmp_path / "cache").iterdir()]
    assert sorted(names) == ["figures", "prepare"]


class Stopping(SilentProgress):
    """Ends a run when a stage says a certain thing."""

    def __init__(self, stage: str, text: str, signal: int | None = None) -> None:
        self._stage, self._text, self._signal = stage, text, signal

    @contextmanager
    def stage(self, name: str, detail: str = "") -> Iterator[Any]:
        yield _StoppingTask(self._text if name == self._stage else None, self._signal)


class _StoppingTask:
    def __init__(self, text: str | None, signal: int | None) -> None:
        self._text, self._signal = text, signal

    def update(self, done: float, total: float, text: str = "") -> None:
        if self._text is not None and self._text in text:
            if self._signal is not None:
                os.kill(os.getpid(), self._signal)
            raise KeyboardInterrupt

    def finish(self, text: str) -> None:
        pass


def _short() -> Any:
    return recipe({"step": "prune", "epochs": 1}, {"step": "quantize", "epochs": 1})


def _main(folder: Path, mode: str) -> None:
    from edgepack.metrics import load_metric

    source = source_of(digits_net(), folder / "source")
    progress = Stopping("Quantizing", "batch 2/", 9) if mode == "kill" else SilentProgress()
    if mode == "resume":  # the finished step must not run again
        Prune.apply = None  # type: ignore[assignment,method-assign]
    metric = load_metric("accuracy", Path())
    print(compress(source, digits(), _short(), metric, Cache(folder / "cache"), progress).sha256)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2])
