"""The float model that a ready .tflite is compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.compress import compress
from edgepack.convert import convert_float, prove
from edgepack.flatbuffer.ending import ends_in_probabilities
from edgepack.ground.errors import ModelError
from edgepack.ground.progress import Progress
from edgepack.metrics import reading_of
from edgepack.pipeline.evaluation import Evaluation, evaluate
from edgepack.sources import Dataset, SourceModel, load_model, match_data

if TYPE_CHECKING:
    from edgepack.pipeline.request import ProjectPlan

_HINT = "name the float .tflite or the Keras file that the model was made from: --float FILE, or float under [model]"


@dataclass(frozen=True)
class FloatSide:
    """A float model as a .tflite, and what it gets on the test split (None without data)."""

    file: Path
    evaluation: Evaluation | None


def float_side(plan: ProjectPlan, ready: SourceModel, data: Dataset | None, progress: Progress) -> FloatSide | None:
    """The float model that the project names beside a ready .tflite, None where it names none.

    A Keras file is measured as it is; without data it can be neither measured nor converted, and counts as none.

    Raises:
        ModelError: EP-288 for one that is no float model, or has other inputs or outputs than the .tflite; what loading says.
    """
    project = plan.project
    named = project.model.float_file
    if named is None:
        return None
    settings = replace(project.model, source=named, weights=None)
    source = load_model(replace(project, model=settings), plan.cache, progress, data)
    _check(source, ready, named)
    if source.kind != "tflite":
        return None if data is None else _of_keras(plan, source, data, progress)
    assert source.content is not None
    if data is None:
        return FloatSide(source.file, None)
    fitting = match_data(data, source, plan.cache)
    read = reading_of(ends_in_probabilities(source.content), source.outputs[0].shape, data, plan.metric.cut)
    return FloatSide(source.file, evaluate(source.file, fitting, plan.metric.of(read), plan.cache, progress))


def _of_keras(plan: ProjectPlan, source: SourceModel, data: Dataset, progress: Progress) -> FloatSide:
    fitting = match_data(data, source, plan.cache)
    measured = compress(source, fitting, (), plan.metric, plan.cache, progress)
    first = measured.steps[0]
    file = convert_float(measured, fitting, plan.cache, progress)
    return FloatSide(file, Evaluation(first.metric, first.interval, None))


def _check(source: SourceModel, ready: SourceModel, named: str) -> None:
    name = Path(named).name
    if source.content is not None and prove(source.content, "any").scheme not in ("float32", "float16"):
        raise ModelError("EP-288", f"{name} is no float model: it is quantized itself", _HINT)
    for what, ours, theirs in (("input", ready.inputs, source.inputs), ("output", ready.outputs, source.outputs)):
        if [_sizes(one.shape) for one in ours] != [_sizes(one.shape) for one in theirs]:
            there, here = (", ".join(str(_sizes(one.shape)) for one in specs) for specs in (theirs, ours))
            raise ModelError("EP-288", f"{name} has the {what}s {there}, {ready.file.name} {here}: not one network", _HINT)


def _sizes(shape: tuple[int | None, ...]) -> tuple[int, ...]:
    """A shape without open dimensions and those of 1, which say nothing of a network."""
    return tuple(size for size in shape if size not in (None, 1, -1))
