"""From a project to the one artifact: the .tflite that every target starts from."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.compress import Quantization, StepResult
from edgepack.convert import Converted, Proof, prove
from edgepack.flatbuffer import Inspection, Model, inspect_model, read_model
from edgepack.flatbuffer.ending import ends_in_probabilities
from edgepack.flatbuffer.weights import is_parameter
from edgepack.ground.errors import DataError, RecipeError
from edgepack.ground.progress import Progress
from edgepack.metrics import Metric, Reading, reading_of
from edgepack.metrics.trivial import no_better_than_trivial
from edgepack.pipeline.candidate import try_recipe
from edgepack.pipeline.evaluation import Evaluation, evaluate
from edgepack.pipeline.float_side import float_side
from edgepack.pipeline.still_layers import still_warnings
from edgepack.sources import Dataset, SourceModel, is_ready, load_data, load_model, match_data
from edgepack.sources.given import load_given_data, load_given_model

if TYPE_CHECKING:
    from edgepack.pipeline.request import ProjectPlan


@dataclass(frozen=True)
class Built:
    """The artifact and what is known of it before any device has seen it.

    `baseline` is the metric of the float model, `evaluation` that of the .tflite run by LiteRT on this machine, both on the
    whole test split; None without data or without a float model. `float_model` is the network before quantization, a .tflite,
    `source` the Keras model that compression began with. `content` is the artifact as it was read, once for
    everybody, `inspection` what is in it. `scoring` is the project's metric, as this model's outputs are to be read. `warnings`
    say what makes figures worth less than they look, and name layers that carry nothing.
    """

    model: Path
    content: Model
    inspection: Inspection
    sha256: str
    source_sha256: str
    scheme: str
    proof: Proof
    data: Dataset | None
    scoring: Metric
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
        return _ready(plan, source, data, progress)
    assert data is not None  # load_inputs has refused a Keras model without
    if not plan.recipe:
        progress.note("the project has no recipe: the model is quantized to int8 after training")
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
        scoring=plan.metric.of(compressed.reading),
        baseline=compressed.baseline_metric,
        evaluation=evaluation,
        steps=(*compressed.steps, _converted_row(compressed.steps[-1], converted, evaluation, content, inspection)),
        notes=source.notes,
        float_model=converted.float_file,
        source=source,
        quantization=compressed.quantization,
        warnings=(
            *_worth(plan.metric, "the float model's", compressed.steps[0], data, compressed.reading),
            *still_warnings(converted.file, data, cache, progress),
        ),
    )


def _ready(plan: ProjectPlan, source: SourceModel, data: Dataset | None, progress: Progress) -> Built:
    """A ready .tflite, run on the test split where there is one, beside the float model where one was named."""
    content = source.content
    assert content is not None
    proof = prove(content, "any")
    read = reading_of(ends_in_probabilities(content), source.outputs[0].shape, data, plan.metric.cut)
    scoring = plan.metric.of(read)
    beside = float_side(plan, source, data, progress)
    evaluation = None if data is None else evaluate(source.file, data, scoring, plan.cache, progress)
    measured = evaluation if beside is None else beside.evaluation
    whose = "the .tflite's" if beside is None else "the float model's"
    return Built(
        model=source.file,
        content=content,
        inspection=inspect_model(content),
        sha256=source.sha256,
        source_sha256=source.sha256,
        scheme=proof.scheme,
        proof=proof,
        data=data,
        scoring=scoring,
        baseline=None if beside is None or beside.evaluation is None else beside.evaluation.metric,
        evaluation=evaluation,
        steps=(),
        notes=source.notes,
        float_model=None if beside is None else beside.file,
        warnings=(
            *_worth(plan.metric, whose, measured, data, read),
            *(() if data is None else still_warnings(source.file, data, plan.cache, progress)),
        ),
    )


def _worth(
    metric: Metric, whose: str, figure: Evaluation | StepResult | None, data: Dataset | None, read: Reading
) -> tuple[str, ...]:
    """A warning where a model is not shown to be better than an answer that never looks at the input."""
    if figure is None or data is None:
        return ()
    said = no_better_than_trivial(metric, figure.metric, figure.interval, data.test.labels, data.test.inputs, read)
    return (f"{whose} {said}",) if said else ()


def load_inputs(plan: ProjectPlan, progress: Progress) -> tuple[SourceModel, Dataset | None]:
    """A project's model, and its data as the model takes it (None for a ready .tflite without data).

    Raises:
        ModelError, DataError: what the sources say; EP-301 for a Keras model without data.
    """
    project, cache = plan.project, plan.cache
    given, data = plan.given, None
    ready = given.keras_model is None and is_ready(project)
    if given.data is not None:
        data = load_given_data(given.data, project.data, cache, progress, ready)
    elif project.data.source is not None or plan.data is not None:
        data = load_data(project, cache, progress, plan.data, ready)
    elif not ready:
        raise DataError(
            "EP-301",
            f"the project names no data, and {project.model.source} has to be calibrated with examples to become int8",
            'give --data FILE.npz, or set source under [data] to "data.py:load", an .npz file or a folder of images',
        )
    if data is not None:
        _show(data, progress)
    if given.keras_model is not None:
        source = load_given_model(given.keras_model, project.folder, cache, progress)
    else:
        source = load_model(project, cache, progress, data)
    for note in source.notes:
        progress.note(note)
    return source, match_data(data, source, cache) if data is not None else None


def _show(data: Dataset, progress: Progress) -> None:
    """What the data is, before anything is trained on it."""
    for line in () if data.summary is None else data.summary.lines():
        progress.note(line)
    for warning in data.warnings:
        progress.warn(warning)


def _converted_row(
    last: StepResult, converted: Converted, evaluation: Evaluation, content: Model, inspection: Inspection
) -> StepResult:
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
        int8_bytes=inspection.totals.parameter_bytes,
        deflated_bytes=_deflated(content),
        file_bytes=inspection.size_bytes,
        notes=tuple(notes),
        seconds=0.0,
        layers=(),
    )


def _deflated(content: Model) -> int:
    """Bytes of a file's parameters when each kernel is deflated and the biases stand beside them, as in the rows of the steps."""
    learnt = {tensor.buffer: tensor for graph in content.subgraphs for tensor in graph.tensors if is_parameter(tensor)}
    kernels = [tensor for tensor in learnt.values() if len(tensor.shape) > 1 and tensor.data is not None]
    rest = sum(tensor.nbytes for tensor in learnt.values()) - sum(tensor.nbytes for tensor in kernels)
    return rest + sum(len(zlib.compress(tensor.data.tobytes(), 9)) for tensor in kernels if tensor.data is not None)
