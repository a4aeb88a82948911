"""Walking through a recipe: each step a stage of the cache, each followed by its row of figures."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgepack.compress.figures import Figures, figures
from edgepack.compress.keras.ending import ends_in_probabilities
from edgepack.compress.keras.graph import flat_model
from edgepack.compress.keras.models import predict, start_afresh, training_versions
from edgepack.compress.named import FLOAT, NamedModel, load_named, write_outputs
from edgepack.compress.results import Compressed, StepResult
from edgepack.compress.step import Step
from edgepack.compress.steps.quantize import Quantize
from edgepack.compress.stored import known_objects, open_stored, store_model
from edgepack.compress.work import Structure, Work
from edgepack.ground.cache import Cache
from edgepack.ground.errors import RecipeError
from edgepack.ground.files import canonical_json
from edgepack.ground.progress import Progress, Task
from edgepack.metrics import Metric, Reading, reading_of
from edgepack.sources import Dataset, SourceModel, open_keras

# Changes whenever what the steps share (streams, fit, storing) would give another model or other figures.
_VERSION = 5

# Trained weights are hardly ever zero by themselves.
_PRUNED = 0.1


@dataclass(frozen=True)
class _Model:
    """A stored model between two steps."""

    file: Path
    sha256: str
    notes: tuple[str, ...]
    seconds: float


def compress(
    source: SourceModel, data: Dataset, recipe: Sequence[Step], metric: Metric, cache: Cache, progress: Progress
) -> Compressed:
    """Apply a checked recipe to a Keras model, step by step.

    `data` fits the model's inputs (see `sources.match_data`). Every step is kept in `cache`, by the model and data it began
    with, its options and the versions of what computed it; a run that was stopped goes on after the last finished step, and an
    unchanged run imports no TensorFlow. An empty recipe is int8 quantization after training.

    Raises:
        RecipeError: EP-410 for a model that is no Keras model; EP-411 … EP-416 from the steps; EP-418 for a teacher or
            student that does not fit.
    """
    if source.kind != "keras":
        raise RecipeError(
            "EP-410",
            f"{source.file.name} is a ready .tflite: no step can change it",
            "remove the recipe, or give the Keras model",
        )
    steps = tuple(recipe) or (Quantize(aware=False),)
    run = _Run(source, data, metric, cache, progress, any(step.regresses for step in steps))
    model = prepared = run.prepare(source)
    run.find_named([step for step in steps if step.place != "first" or not source.trained], prepared)
    results: list[StepResult] = []
    kept: frozenset[Structure] = frozenset()
    for note in model.notes:
        progress.note(note)
    if steps[0].place != "first" or source.trained:
        if not source.trained:
            progress.warn("the model has random weights and the recipe does not train it; begin the recipe with a train step")
        with progress.stage("Measuring the float model", metric.name) as task:
            results.append(replace(run.result("float", "float model", model, task), notes=()))
        if _comes_pruned(source, results[0], steps):
            kept = frozenset({"zeros"})
            note = f"the model comes with {results[0].sparsity:.0%} zeros; they are kept"
            progress.note(note)
            results[0] = replace(results[0], notes=(note,))
    for step in steps:
        if step.place == "first" and source.trained:
            note = f"{step.name} left out: the model comes with trained weights"
            progress.note(note)
            results[0] = replace(results[0], notes=(*results[0].notes, note))
            continue
        with progress.stage(step.title, step.label) as task:
            run.computed = False
            if step.trains:
                model = run.step(step, model, kept, task)
                for note in model.notes:
                    progress.note(note)
                if step.place == "first":
                    run.set_float(model)
            result = run.result(step.name, step.label, model, task)
            task.finish(_summary(result) if run.computed or not step.trains else f"cached: {_summary(result)}")
        results.append(result if step.trains else replace(result, notes=(), seconds=0.0))
        kept |= step.leaves
    results[0] = replace(results[0], notes=(*prepared.notes, *results[0].notes))
    quantization = steps[-1].quantization(kept)
    return Compressed(model.file, tuple(results), quantization, model.sha256, results[0].metric, source, run.reading)


class _Run:
    """What stays the same from step to step; `computed` becomes true when something did not come from the cache, `reading` is
    that of the model whose row of figures was made last. `regresses`: a step trains towards the labels' own numbers."""

    computed = False
    reading = Reading()

    def __init__(
        self, source: SourceModel, data: Dataset, metric: Metric, cache: Cache, progress: Progress, regresses: bool
    ) -> None:
        self._regresses = regresses
        self._source, self._data, self._metric, self._cache, self._progress = source, data, metric, cache, progress
        self._named: dict[str, NamedModel] = {}

    def prepare(self, source: SourceModel) -> _Model:
        """A source as the flat model that the steps work on."""
        shapes = tuple(tuple(array.shape[1:]) for array in self._data.train.inputs)

        def compute(folder: Path) -> None:
            start = time.monotonic()
            start_afresh(0)
            with known_objects(source):
                model, notes = flat_model(open_keras(source), shapes)
                self._store(folder, model, notes, start)

        inputs = {**self._key(), "source": source.sha256, "shapes": [list(shape) for shape in shapes]}
        return _read(self._cache.stage("prepare", inputs, compute).folder)

    def find_named(self, steps: Sequence[Step], prepared: _Model) -> None:
        """Load every teacher and student of the recipe, before anything is trained.

        Raises:
            RecipeError: EP-418 when one does not fit, or the float model that is to teach is never trained.
        """
        if self._source.trained:
            self.set_float(prepared)
        elif steps[0].place != "first" and any(step.teacher == FLOAT for step in steps):
            raise RecipeError(
                "EP-418",
                'teacher "float": the model has random weights, and the recipe does not train it',
                "begin the recipe with a train step, or give the model's weights",
            )
        for step in steps:
            for option, setting in (("teacher", step.teacher), ("student", step.replaced_by)):
                if setting and setting != FLOAT and setting not in self._named:
                    found = load_named(setting, option, self._source, self._data, self._cache, self._progress)
                    model = self.prepare(found)
                    self._named[setting] = NamedModel(setting, found, model.file, model.sha256)

    def set_float(self, model: _Model) -> None:
        """Make `model` the one that teacher = "float" means."""
        self._named[FLOAT] = NamedModel(FLOAT, self._source, model.file, model.sha256)

    def step(self, step: Step, model: _Model, kept: frozenset[Structure], task: Task) -> _Model:
        """The model after `step`."""
        teacher = self._named.get(step.teacher)
        student = self._named.get(step.replaced_by)

        def compute(folder: Path) -> None:
            self.computed = True
            start = time.monotonic()
            taught = None if teacher is None else self._with_outputs(teacher, step, task)
            start_afresh(step.seed)
            work = Work(self._data, task, kept, teacher=taught, student=student)
            with known_objects(self._source):
                self._store(folder, self._applied(step, model, work), work.notes, start)

        inputs = {
            **self._key(),
            "model": model.sha256,
            "data": self._data.sha256,
            "step": step.name,
            "step_version": step.version,
            "options": step.key(),
            "kept": sorted(kept),
            "named": [None if named is None else named.sha256 for named in (teacher, student)],
        }
        return _read(self._cache.stage(step.name, inputs, compute).folder)

    def _applied(self, step: Step, model: _Model, work: Work) -> Any:
        """The step's model; an error of the step says where its table stands."""
        try:
            return step.apply(open_stored(self._source, model.file), work)
        except RecipeError as error:
            if str(step.where) in str(error):
                raise
            raise RecipeError(error.code, f"{step.where}: {error}", error.hint) from error

    def _with_outputs(self, teacher: NamedModel, step: Step, task: Task) -> NamedModel:
        """`teacher` with its answers for the training split, once for all epochs and steps, where they stay the same."""
        if not step.fixed_answers or not len(self._data.train):
            return teacher

        def compute(folder: Path) -> None:
            start_afresh(0)
            write_outputs(teacher.open(), self._data.train, folder / "outputs.npy", task)

        inputs = {**self._key(), "teacher": teacher.sha256, "data": self._data.sha256}
        folder = self._cache.stage("teacher", inputs, compute).folder
        return replace(teacher, outputs=np.load(folder / "outputs.npy", mmap_mode="r", allow_pickle=False))

    def result(self, name: str, label: str, model: _Model, task: Task) -> StepResult:
        """The row of figures of a model."""

        def compute(folder: Path) -> None:
            self.computed = True
            start_afresh(0)
            opened = open_stored(self._source, model.file)
            outputs = predict(opened, self._data.test, task, f"{self._metric.name} on {len(self._data.test)} test examples")
            compared = (outputs, self._data.test.labels, self._data.test.inputs)
            shares = self._regresses or ends_in_probabilities(opened)
            read = reading_of(shares, tuple(opened.outputs[0].shape[1:]), self._data, self._metric.cut)
            metric = self._metric.of(read)
            row = {"metric": metric.compute(*compared), "interval": metric.interval(*compared), "reading": read.key()}
            (folder / "figures.json").write_bytes(canonical_json({**row, "figures": figures(opened).to_json()}))

        inputs = {
            **self._key(),
            "model": model.sha256,
            "data": self._data.sha256,
            **self._metric.key(),
            "regresses": self._regresses,
        }
        stored = json.loads((self._cache.stage("figures", inputs, compute).folder / "figures.json").read_text())
        self.reading = Reading(**stored["reading"])
        of_model = Figures.from_json(stored["figures"])
        return StepResult(
            step=name,
            label=label,
            metric=float(stored["metric"]),
            metric_name=self._metric.name,
            parameters=of_model.parameters,
            zeros=of_model.zeros,
            sparsity=of_model.sparsity,
            distinct=of_model.distinct,
            float_bytes=of_model.float_bytes,
            int8_bytes=of_model.int8_bytes,
            deflated_bytes=of_model.deflated_bytes,
            macs=of_model.macs,
            notes=model.notes,
            seconds=model.seconds,
            layers=of_model.layers,
            interval=None if stored["interval"] is None else tuple(stored["interval"]),
            entropy=of_model.entropy,
        )

    def _key(self) -> dict[str, Any]:
        return {"version": _VERSION, "versions": training_versions()}

    @staticmethod
    def _store(folder: Path, model: Any, notes: Sequence[str], start: float) -> None:
        sha256 = store_model(model, folder / "model.h5")
        facts = {"sha256": sha256, "notes": list(notes), "seconds": round(time.monotonic() - start, 1)}
        (folder / "step.json").write_bytes(canonical_json(facts))


def _comes_pruned(source: SourceModel, measured: StepResult, steps: Sequence[Step]) -> bool:
    """Whether a model has zeros that somebody has made, and no step of the recipe undoes them."""
    return (
        source.trained and measured.sparsity >= _PRUNED and all("zeros" in step.keeps for step in steps if step.place != "first")
    )


def _read(folder: Path) -> _Model:
    facts: Mapping[str, Any] = json.loads((folder / "step.json").read_text())
    return _Model(folder / "model.h5", str(facts["sha256"]), tuple(facts["notes"]), float(facts["seconds"]))


def _summary(result: StepResult) -> str:
    zeros = f", {result.sparsity * 100:.0f} % zeros" if result.zeros else ""
    return f"{result.metric_name} {result.metric:.4f}{zeros}"
