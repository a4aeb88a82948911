"""Explaining a model's accuracy: its layers before and after quantization, and what each of them takes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.compress import compress
from edgepack.compress.sensitivity import Sensitivity, sensitivity
from edgepack.diagnosis import Explained, Explanation, LayerErrors, advise, compare_layers
from edgepack.ground.errors import DataError, ModelError
from edgepack.ground.files import canonical_json, sha256_file, write_atomic
from edgepack.ground.plain import plain, typed
from edgepack.ground.progress import Progress
from edgepack.pipeline.build import Built, build
from edgepack.pipeline.request import Plan, Request, prepare
from edgepack.pipeline.still_layers import spread

if TYPE_CHECKING:
    from edgepack.ground.cache import Cache

EXAMPLES = 64
_VERSION = 1


def run_explain(request: Request, progress: Progress, *, examples: int = EXAMPLES, scan: bool = True) -> Explanation:
    """Explain a project's accuracy, or that of a ready .tflite beside the float model it names; also written to explain.json.

    Args:
        examples: Inputs compared layer by layer; the sensitivity scan uses ten times as many validation examples.
        scan: Measure what each layer takes, too (Keras models only).

    Raises:
        ModelError: EP-287 for a .tflite without a float counterpart, and what `build` and `compare_layers` raise.
        DataError: EP-320 without data.
    """
    plan = prepare(request, progress)
    built = build(plan, progress)
    for warning in built.warnings:
        progress.warn(warning)
    original = built.float_model
    if original is None and built.data is None and plan.project.model.float_file is not None:
        raise _no_data()  # a Keras file is converted on examples
    if original is None:
        raise ModelError(
            "EP-287",
            f"{built.model.name} has no float model to be compared with",
            "give the float .tflite or the Keras file that it was made from: --float FILE; or explain the Keras project",
        )
    errors = layer_errors(built, original, examples, plan.cache, progress)
    scanned = _scan(plan, built, 10 * examples, progress) if scan else None
    explanation = Explanation(
        name=plan.project.name,
        steps=built.steps,
        errors=errors,
        sensitivity=scanned,
        confusion=None if built.evaluation is None else built.evaluation.confusion,
        labels=None if built.evaluation is None else built.evaluation.labels,
        classes=() if built.data is None else built.data.class_names,
        advice=advise(built.steps, errors, scanned, built.quantization, plan.metric.higher_is_better),
        file=plan.out / "explain.json",
    )
    file = plan.out / "explain.json"
    write_atomic(file, json.dumps(plain(explanation), indent=1))
    return explanation


def explain_layers(plan: Plan, built: Built, progress: Progress) -> Explained | None:
    """What a deployment's report says of accuracy: the layers' errors, the confusion matrix, and what to try next.

    None for a ready .tflite, which has no float model beside it.
    """
    if built.float_model is None or built.data is None:
        return None
    errors = layer_errors(built, built.float_model, EXAMPLES, plan.cache, progress)
    return Explained(
        errors=errors,
        confusion=None if built.evaluation is None else built.evaluation.confusion,
        labels=None if built.evaluation is None else built.evaluation.labels,
        classes=tuple(built.data.class_names),
        advice=advise(built.steps, errors, None, built.quantization, plan.metric.higher_is_better),
    )


def layer_errors(built: Built, original: Path, examples: int, cache: Cache, progress: Progress) -> LayerErrors:
    """The quantized file's layers beside the float ones, on validation examples (or test, without validation); cached."""
    if built.data is None:
        raise _no_data()
    split = built.data.validation if len(built.data.validation) else built.data.test
    inputs = spread(split.inputs, examples)
    key = {
        "version": _VERSION,
        "model": built.sha256,
        "float": sha256_file(original),
        "data": built.data.sha256,
        "examples": len(inputs[0]),
    }

    def compute(folder: Path) -> None:
        with progress.stage("Comparing layers", f"float and {built.scheme}, {len(inputs[0])} examples") as task:
            found = compare_layers(built.model, original, inputs, task)
            (folder / "layers.json").write_bytes(canonical_json(asdict(found)))

    stored = (cache.stage("layer_errors", key, compute).folder / "layers.json").read_text()
    return typed(LayerErrors, json.loads(stored))


def _no_data() -> DataError:
    return DataError("EP-320", "without data there are no inputs to compare on", "give [data] source, or --data")


def _scan(plan: Plan, built: Built, examples: int, progress: Progress) -> Sensitivity | None:
    if built.source is None or built.data is None or not len(built.data.validation):
        return None
    training = tuple(step for step in plan.recipe if step.place == "first")
    original = compress(built.source, built.data, training, plan.metric, plan.cache, progress)
    return sensitivity(original, built.data, plan.metric.of(original.reading), examples, plan.cache, progress)
