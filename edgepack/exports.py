"""The forms in which other builds take a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgepack.errors import ProjectError
from edgepack.pack import export_c_array
from edgepack.pipeline import Request, build, prepare
from edgepack.progress import Progress
from edgepack.project import c_identifier


@dataclass(frozen=True)
class ExportRequest:
    """What to export: a project or a .tflite, the form, and where to; None takes the default of each."""

    source: Path
    form: str
    folder: Path | None = None
    name: str | None = None
    cpu: str | None = None
    board: str | None = None
    data: Path | None = None
    weights: Path | None = None
    overrides: tuple[str, ...] = ()


Write = Callable[[Path, str, Path, ExportRequest], tuple[Path, ...]]


@dataclass(frozen=True)
class Form:
    """One form: what it is, and the function that writes it: (the .tflite, C name, folder, request) -> the files."""

    describe: str
    write: Write


def _c_array(model: Path, name: str, folder: Path, request: ExportRequest) -> tuple[Path, ...]:
    return tuple(export_c_array(model.read_bytes(), name, folder))


FORMS: dict[str, Form] = {
    "c-array": Form("the .tflite as an aligned C array with its constants, for an interpreter on the device", _c_array),
}


def run_export(request: ExportRequest, progress: Progress) -> tuple[Path, ...]:
    """Write a model in the wanted form; a project is built first, from its cache when nothing changed.

    Raises:
        ProjectError: EP-168 for an unknown form; what the rooms say.
    """
    if request.form not in FORMS:
        raise ProjectError("EP-168", f"unknown form {request.form!r}", f"use one of {', '.join(FORMS)}")
    plan = prepare(Request(project=request.source, data=request.data, weights=request.weights, overrides=request.overrides))
    model = request.source if request.source.suffix == ".tflite" else build(plan, progress).model
    name = c_identifier(request.name or plan.project.name)
    folder = request.folder or plan.out.parent / "export" / request.form
    return FORMS[request.form].write(model, name, folder, request)
