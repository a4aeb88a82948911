"""Checking a recipe before anything takes time: known steps, valid options, an order in which nothing gained is lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from edgepack.compress.registry import STEPS
from edgepack.compress.step import Step
from edgepack.compress.technique import Technique
from edgepack.ground.errors import ProjectError
from edgepack.ground.escape import json_text
from edgepack.project.check import suggest
from edgepack.project.load import read_recipe
from edgepack.project.types import StepTable, Where


@dataclass(frozen=True)
class Recipe:
    """The steps of a recipe in their order, found right: `Recipe([Prune(sparsity=0.5), Quantize()])`.

    Raises:
        ProjectError: EP-404 for a step in a place where it cannot be.
    """

    steps: tuple[Step, ...]

    def __init__(self, steps: Iterable[Step]) -> None:
        object.__setattr__(self, "steps", check_recipe(tuple(steps)))

    @classmethod
    def load(cls, file: str | PathLike[str]) -> Recipe:
        """The recipe in a file of `[[recipe]]` tables, or of a project's edgepack.toml.

        Raises:
            ProjectError: EP-101 to EP-105 and EP-401 to EP-405, with file and line.
        """
        return cls(_read(table) for table in read_recipe(Path(file)))

    def to_toml(self) -> str:
        """The `[[recipe]]` tables that say the same.

        >>> from edgepack.compress import Prune, Quantize
        >>> print(Recipe([Prune(sparsity=0.5), Quantize(aware=False)]).to_toml(), end="")
        [[recipe]]
        step = "prune"
        sparsity = 0.5
        <BLANKLINE>
        [[recipe]]
        step = "quantize"
        aware = false
        """
        tables = [{"step": step.name, **step.written} for step in self.steps]
        return "\n".join(
            "[[recipe]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in table.items()) for table in tables
        )

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)


def _toml(value: Any) -> str:
    """A step's option as TOML writes it: all but tables are written there as in JSON."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json_text(str(key))} = {_toml(inner)}" for key, inner in value.items()) + "}"
    return json_text(value)


def check_recipe(recipe: Sequence[StepTable | Step]) -> tuple[Step, ...]:
    """The steps of a recipe, in order; an empty recipe is allowed (a ready .tflite needs none). Imports no TensorFlow.

    `recipe` holds `[[recipe]]` tables, or steps made in Python, whose options were checked when they were made; errors call
    those by their place in the sequence: `recipe[1]`.

    Raises:
        ProjectError: EP-401 unknown step, EP-402 unknown option, EP-403 bad value, EP-404 a step in a place where it cannot be,
            EP-405 options that exclude each other.
    """
    steps: list[Step] = []
    for place, given in enumerate(recipe):
        where = Where(Path(), flag=f"recipe[{place}]")
        if not isinstance(given, (StepTable, Technique)):
            raise ProjectError("EP-401", f"{where}: {given!r} is no step", "give steps such as Prune(sparsity=0.5)")
        step = _read(given) if isinstance(given, StepTable) else given.placed(where)
        _check_place(step, steps)
        steps.append(step)
    if steps and steps[-1].place != "last":
        raise ProjectError(
            "EP-404",
            f"{steps[-1].where}: the recipe ends with {steps[-1].name}, but every recipe ends with quantize",
            'add a last [[recipe]] table with step = "quantize"',
        )
    return tuple(steps)


def _read(table: StepTable) -> Step:
    if table.step not in STEPS:
        raise ProjectError("EP-401", f"{table.where}: unknown step {table.step!r}", suggest(table.step, STEPS, "known steps:"))
    return STEPS[table.step].read(table)


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
    worked = [other.name for other in earlier if other.place == "middle" and not other.replaced_by]
    if step.replaced_by and worked:
        raise ProjectError(
            "EP-404",
            f"{step.where}: {step.name} puts another model in the place of the one that {worked[-1]} worked on",
            f"put {step.name} before {worked[0]}",
        )
