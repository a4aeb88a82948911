"""From a project to the one artifact: the .tflite that every target starts from."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.compress import StepResult, compress
from edgepack.convert import Converted, Proof, convert, prove
from edgepack.errors import RecipeError
from edgepack.files import sha256_file
from edgepack.flatbuffer import read_model
from edgepack.progress import Progress
from edgepack.runners import dequantize, describe_model, quantize, run_model
from edgepack.sources import Dataset, load_data, load_model, match_data

if TYPE_CHECKING:
    from edgepack.pipeline.request import Plan

_EVALUATION_VERSION = 1


@dataclass(frozen=True)
class Built:
    """The artifact and what is known of it before any device has seen it.

    `baseline` is the metric of the float Keras model, `metric` that of the .tflite run by LiteRT on this machine, both on the
    whole test split; None without data or without a Keras model.
    """

    model: Path
    sha256: str
    source_sha256: str
    scheme: str
    proof: Proof
    data: Dataset | None
    baseline: float | None
    metric: float | None
    steps: tuple[StepResult, ...]
    notes: tuple[str, ...]


def build(plan: Plan, progress: Progress) -> Built:
    """Load, compress and convert a project's model, or check its ready .tflite; everything costly comes from the cache if it can.

    Raises:
        ModelError, DataError, RecipeError, ConvertError: what the rooms say.
    """
    project, cache = plan.project, plan.cache
    wants_data = project.data.source is not None or plan.request.data is not None
    data = load_data(project, cache, progress, plan.request.data) if wants_data or plan.recipe else None
    source = load_model(project, cache, progress, data)
    for note in source.notes:
        progress.note(note)
    data = match_data(data, source, cache) if data is not None else None
    if source.kind == "tflite":
        if plan.recipe:
            raise RecipeError(
                "EP-430",
                f"{project.model.source} is a .tflite: the steps of its recipe cannot be applied",
                "remove the [[recipe]] tables, or give the Keras model",
            )
        model = read_model(source.file)
        proof = prove(model, "any")
        metric = None if data is None else evaluate(plan, source.file, data, progress)
        return Built(source.file, source.sha256, source.sha256, proof.scheme, proof, data, None, metric, (), source.notes)
    assert data is not None
    compressed = compress(source, data, plan.recipe, plan.metric, cache, progress)
    converted = convert(compressed, data, cache, progress)
    metric = evaluate(plan, converted.file, data, progress)
    return Built(
        model=converted.file,
        sha256=converted.sha256,
        source_sha256=source.sha256,
        scheme=converted.scheme,
        proof=converted.proof,
        data=data,
        baseline=compressed.baseline_metric,
        metric=metric,
        steps=(*compressed.steps, _converted_row(compressed.steps[-1], converted, metric)),
        notes=source.notes,
    )


def _converted_row(last: StepResult, converted: Converted, metric: float) -> StepResult:
    """The step table's row of the .tflite: what the last step's row says, but measured on the file."""
    content = converted.file.read_bytes()
    return replace(
        last,
        step="convert",
        label=f"the {converted.scheme} .tflite",
        metric=metric,
        zeros=converted.zeros,
        sparsity=converted.zeros / converted.weights if converted.weights else 0.0,
        distinct=converted.distinct,
        int8_bytes=len(content),
        deflated_bytes=len(zlib.compress(content, 9)),
        notes=("figures of the file itself, run by LiteRT on this machine",),
        seconds=0.0,
        layers=(),
    )


def evaluate(plan: Plan, model: Path, data: Dataset, progress: Progress) -> float:
    """The metric of a .tflite on the whole test split, run by LiteRT in worker processes on this machine; cached."""
    inputs = {
        "version": _EVALUATION_VERSION,
        "model": sha256_file(model),
        "data": data.sha256,
        "metric": plan.metric.name,
        "metric_source": plan.metric.source,
    }

    def compute(folder: Path) -> None:
        with progress.stage("Checking the .tflite", f"{len(data.test)} test examples on this machine") as task:
            described = describe_model(model)
            given = tuple(
                quantize(array, *_parameters(tensor), tensor["dtype"])
                for array, tensor in zip(data.test.inputs, described["inputs"], strict=True)
            )
            outputs = run_model(model, given)
            values = tuple(
                dequantize(array, *_parameters(tensor)) for array, tensor in zip(outputs, described["outputs"], strict=True)
            )
            value = plan.metric.compute(values, data.test.labels, data.test.inputs)
            task.finish(f"{plan.metric.name} {value:.4f}")
            (folder / "metric.json").write_text(json.dumps({"metric": value}))

    hit = plan.cache.stage("evaluate", inputs, compute)
    return float(json.loads((hit.folder / "metric.json").read_text())["metric"])


def _parameters(tensor: dict[str, list[float]]) -> tuple[float, int]:
    """Scale and zero point of an input or output tensor; a scale of 0 for one that is not quantized."""
    if not tensor["scales"]:
        return 0.0, 0
    return float(tensor["scales"][0]), int(tensor["zero_points"][0])
