"""From a project to the one artifact: the .tflite that every target starts from."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.compress import Quantization, StepResult
from edgepack.convert import Converted, Proof, prove
from edgepack.flatbuffer import Inspection, Model, inspect_model, read_model
from edgepack.ground.errors import RecipeError
from edgepack.ground.progress import Progress
from edgepack.pipeline.candidate import try_recipe
from edgepack.pipeline.evaluation import Evaluation, evaluate
from edgepack.pipeline.still_layers import still_warnings
from edgepack.sources import Dataset, SourceModel, load_data, load_model, match_data
from edgepack.sources.given import load_given_data, load_given_model

if TYPE_CHECKING:
    from edgepack.pipeline.request import ProjectPlan


@dataclass(frozen=True)
class Built:
    """The artifact and what is known of it before any device has seen it.

    `baseline` is the metric of the float Keras model, `evaluation` that of the .tflite run by LiteRT on this machine, both on the
    whole test split; None without data or without a Keras model. `float_model` is the same network before quantization,
    `source` the Keras model that compression began with. `content` is the artifact as it was read, once for
    everybody, `inspection` what is in it. `warnings` are about layers that carry nothing.
    """

    model: Path
    content: Model
    inspection: Inspection
    sha256: str
    source_sha256: str
    scheme: str
    proof: Proof
    data: Dataset | None
    baseline: float | None
    evaluation: Evaluation | None
    steps: tuple[StepResult, ...]
    notes: tuple[str, ...]
    float_model: Path | None = None
    source: SourceModel | None = None
    quantization: Quantization | None = None
    warnings: tuple[str, ...] = ()

    @property
    def metric(self) -> float | None:
        """The metric of the .tflite."""
        return None if self.evaluation is None else self.evaluation.metric


def build(plan: ProjectPlan, progress: Progress) -> Built:
    """Load, compress and convert a project's model, or check its ready .tflite; everything costly comes from the cache if it can.

    Raises:
        ModelError, DataError, RecipeError, ConvertError: what the rooms say.
    """
    project, cache = plan.project, plan.cache
    source, data = load_inputs(plan, progress)
    if source.kind == "tflite":
        if plan.recipe:
            raise RecipeError(
                "EP-430",
                f"{project.model.source} is a .tflite: the steps of its recipe cannot be applied",
                "remove the [[recipe]] tables, or give the Keras model",
            )
        assert source.content is not None
        proof = prove(source.content, "any")
        return Built(
            model=source.file,
            content=source.content,
            inspection=inspect_model(source.content),
            sha256=source.sha256,
            source_sha256=source.sha256,
            scheme=proof.scheme,
            proof=proof,
            data=data,
            baseline=None,
            evaluation=None if data is None else evaluate(source.file, data, plan.metric, cache, progress),
            steps=(),
            notes=source.notes,
            warnings=() if data is None else still_warnings(source.file, data, cache, progress),
        )
    assert data is not None
    tried = try_recipe(source, data, plan.recipe, plan.metric, cache, progress)
    compressed, converted, evaluation = tried.compressed, tried.converted, tried.evaluation
    content = read_model(converted.file)
    inspection = inspect_model(content)
    return Built(
        model=converted.file,
        content=content,
        inspection=inspection,
        sha256=converted.sha256,
        source_sha256=source.sha256,
        scheme=converted.scheme,
        proof=converted.proof,
        data=data,
        baseline=compressed.baseline_metric,
        evaluation=evaluation,
        steps=(*compressed.steps, _converted_row(compressed.steps[-1], converted, evaluation, inspection)),
        notes=source.notes,
        float_model=converted.float_file,
        source=source,
        quantization=compressed.quantization,
        warnings=still_warnings(converted.file, data, cache, progress),
    )


def load_inputs(plan: ProjectPlan, progress: Progress) -> tuple[SourceModel, Dataset | None]:
    """A project's model, and its data as the model takes it (None for a ready .tflite without data).

    Raises:
        ModelError, DataError: what the sources say.
    """
    project, cache = plan.project, plan.cache
    given, data = plan.given, None
    if given.data is not None:
        data = load_given_data(given.data, project.data, cache, progress)
    elif project.data.source is not None or plan.data is not None or plan.recipe:
        data = load_data(project, cache, progress, plan.data)
    if given.keras_model is not None:
        source = load_given_model(given.keras_model, project.folder, cache, progress)
    else:
        source = load_model(project, cache, progress, data)
    for note in source.notes:
        progress.note(note)
    return source, match_data(data, source, cache) if data is not None else None


def _converted_row(last: StepResult, converted: Converted, evaluation: Evaluation, inspection: Inspection) -> StepResult:
    """The step table's row of the .tflite: what the last step's row says, but measured on the file."""
    notes = ["figures of the file itself, run by LiteRT on this machine"]
    unseen = [layer.layer for layer in converted.layers if not layer.found]
    if unseen:
        notes.append(f"zeros, values and bits without kernels that the converter rearranged, in {', '.join(unseen)}")
    return replace(
        last,
        step="convert",
        label=f"the {converted.scheme} .tflite",
        metric=evaluation.metric,
        interval=evaluation.interval,
        zeros=converted.zeros,
        sparsity=converted.sparsity,
        distinct=converted.distinct,
        entropy=converted.entropy,
        macs=inspection.totals.macs,
        int8_bytes=inspection.size_bytes,
        deflated_bytes=len(zlib.compress(converted.file.read_bytes(), 9)),
        notes=tuple(notes),
        seconds=0.0,
        layers=(),
    )
