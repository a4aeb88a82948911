"""Checking a recipe before anything takes time: known steps, valid options, an order in which nothing gained is lost."""

from __future__ import annotations

from collections.abc import Sequence

from edgepack.compress.named import FLOAT
from edgepack.compress.options import TEACHING, FineTuning
from edgepack.compress.registry import STEPS
from edgepack.compress.step import Step
from edgepack.ground.errors import ProjectError
from edgepack.project.check import suggest
from edgepack.project.types import StepTable


def check_recipe(tables: Sequence[StepTable]) -> tuple[Step, ...]:
    """The steps of a recipe, in order; an empty recipe is allowed (a ready .tflite needs none). Imports no TensorFlow.

    Raises:
        ProjectError: EP-401 unknown step, EP-402 unknown option, EP-403 bad value, EP-404 a step in a place where it cannot be,
            EP-405 options that exclude each other.
    """
    steps: list[Step] = []
    for table in tables:
        if table.step not in STEPS:
            raise ProjectError(
                "EP-401", f"{table.where}: unknown step {table.step!r}", suggest(table.step, STEPS, "known steps:")
            )
        step = STEPS[table.step].read(table)
        _check_place(step, steps)
        _check_teacher(step, table)
        steps.append(step)
    if steps and steps[-1].place != "last":
        raise ProjectError(
            "EP-404",
            f"{steps[-1].where}: the recipe ends with {steps[-1].name}, but every recipe ends with quantize",
            'add a last [[recipe]] table with step = "quantize"',
        )
    return tuple(steps)


def _check_place(step: Step, earlier: Sequence[Step]) -> None:
    if step.place == "first" and earlier:
        raise ProjectError(
            "EP-404",
            f"{step.where}: {step.name} comes after {earlier[-1].name}, and would undo it",
            f"move the {step.name} step to the top of the recipe",
        )
    if earlier and earlier[-1].place == "last":
        twice = step.name == earlier[-1].name
        raise ProjectError(
            "EP-404",
            f"{step.where}: {step.name} " + ("is in the recipe twice" if twice else f"comes after {earlier[-1].name}"),
            f"keep one {step.name} step, at the end" if twice else f"move {earlier[-1].name} to the end of the recipe",
        )
    for other in earlier:
        lost = other.leaves - step.keeps
        if lost:
            raise ProjectError(
                "EP-404",
                f"{step.where}: {step.name} would destroy the {' and '.join(sorted(lost))} that {other.name} made",
                f"put {step.name} before {other.name}",
            )
    worked = [other.name for other in earlier if other.place == "middle" and not getattr(other, "replaces", False)]
    if getattr(step, "replaces", False) and worked:
        raise ProjectError(
            "EP-404",
            f"{step.where}: {step.name} puts another model in the place of the one that {worked[-1]} worked on",
            f"put {step.name} before {worked[0]}",
        )


def _check_teacher(step: Step, table: StepTable) -> None:
    options = step.options
    if not isinstance(options, FineTuning):
        return
    written = [option for option in TEACHING if option in options.model_fields_set]
    if written and not options.teacher:
        raise ProjectError(
            "EP-405",
            f"{table.at(written[0])}: {step.name}: {written[0]} has no meaning without a teacher",
            f'remove {written[0]}, or set teacher = "float"',
        )
    if step.place == "first" and options.teacher == FLOAT:
        raise ProjectError(
            "EP-405",
            f'{table.at("teacher")}: {step.name}: teacher "float" is the model that this step only trains',
            'name another model: a Keras file, or "model.py:function"',
        )
