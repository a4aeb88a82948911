"""What callers may give, files or objects, as a run's request."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from edgepack.api.settings import File, Settings, as_overrides
from edgepack.compress import Recipe, Step
from edgepack.ground.errors import ProjectError
from edgepack.pipeline.given import Given
from edgepack.pipeline.request import Request
from edgepack.project import Project, Target

Steps = Recipe | Iterable[Step] | File


def as_request(
    project: File | Project | None,
    *,
    model: Any = None,
    data: Any = None,
    recipe: Steps | None = None,
    target: str | PathLike[str] | Target = "cortex-m4",
    settings: Settings = (),
    weights: File | None = None,
    trust: bool = False,
    out: File | None = None,
    name: str | None = None,
    folder: File | None = None,
    **others: Any,
) -> Request:
    """The request for these arguments; `others` are fields of a Request as they are.

    Raises:
        ProjectError: EP-165 when neither a project nor a model is given.
    """
    if project is None and model is None:
        raise ProjectError("EP-165", "there is neither a project nor a model", 'give a project folder, or model="model.keras"')
    changes = as_overrides(settings)
    if project is not None and isinstance(model, (str, PathLike)):
        changes, model = (f"model.source={fspath(model)}", *changes), None
    if trust:
        changes = ("model.trust=true", *changes)
    if isinstance(recipe, (str, PathLike)):
        changes, steps = (f"recipe={fspath(recipe)}", *changes), None
    else:
        steps = None if recipe is None else tuple(recipe)
    file = Path(data) if isinstance(data, (str, PathLike)) else None
    return Request(
        project=Path(project) if isinstance(project, (str, PathLike)) else project,
        given=Given(
            model=model,
            data=None if file is not None else data,
            recipe=steps,
            name=name,
            folder=None if folder is None else Path(folder),
        ),
        target=target if isinstance(target, Target) else fspath(target),
        overrides=changes,
        data=file,
        weights=None if weights is None else Path(weights),
        out=None if out is None else Path(out),
        **others,
    )
