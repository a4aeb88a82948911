"""Python objects in place of a project's files: a Keras model, arrays, steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from edgepack.compress import Step
from edgepack.project import Project, StepTable, derive_name, load_project, make_project

MODEL = "the given model"
"""What stands for a model that is an object where a project names a file."""


@dataclass(frozen=True)
class Given:
    """What takes the place of a project's own: a model (a Keras model, a function that returns one, a file), arrays, a recipe.

    See `edgepack.sources.given` for the forms that data may have. Whatever is None is the project's. `name` is that of a project
    without a folder of its own, `folder` where its cache and results go.
    """

    model: Any = None
    data: Any = None
    recipe: tuple[Step, ...] | None = None
    name: str | None = None
    folder: Path | None = None

    @property
    def keras_model(self) -> Any:
        """The model, when it is an object and no file; None otherwise."""
        return None if isinstance(self.model, (str, PathLike)) else self.model


NOTHING = Given()


def given_project(given: Given, overrides: Sequence[str]) -> Project:
    """A project that is a model and nothing else, with `--set` values applied.

    Without a recipe a Keras model is quantized after training.

    Raises:
        ProjectError: EP-103 to EP-105, EP-108 for wrong values, as in an edgepack.toml.
    """
    file = given.model if isinstance(given.model, (str, PathLike)) else None
    source = MODEL if file is None else fspath(file)
    name = given.name or derive_name(str(getattr(given.model, "name", "model")) if file is None else Path(source).stem)
    recipe = [{"step": "quantize", "aware": False}] if given.recipe is None else written_tables(given.recipe)
    if given.recipe is None and source.endswith(".tflite"):
        recipe = []
    values = {"name": name, "model": {"source": source}, "recipe": recipe}
    return make_project(values, given.folder or Path(), overrides)


def project_with(folder: Path, overrides: Sequence[str], given: Given) -> Project:
    """The project of a folder, with the given recipe instead of its own.

    Raises:
        ProjectError: as `load_project` says.
    """
    return load_project(folder, overrides, None if given.recipe is None else written_tables(given.recipe))


def step_tables(recipe: Sequence[Step]) -> tuple[StepTable, ...]:
    """The same as a project holds them."""
    return tuple(StepTable(step.name, step.written, step.where) for step in recipe)


def written_tables(recipe: Sequence[Step]) -> list[dict[str, Any]]:
    """The `[[recipe]]` tables that say the same as these steps."""
    return [{"step": step.name, **step.written} for step in recipe]
