"""The forms in which other builds take a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgepack.ground.errors import ProjectError
from edgepack.ground.progress import Progress
from edgepack.pack.deliveries.form import Options
from edgepack.pack.deliveries.registry import FORMS
from edgepack.pack.deliveries.writing import writing_to
from edgepack.pipeline import Request, build, prepare
from edgepack.project import c_identifier


@dataclass(frozen=True)
class ExportRequest:
    """What to export: a project or a .tflite, the form, and where to; None takes the default of each.

    `runtime` is what a package holds: "c", the generated code, or "tflm", the model for TensorFlow Lite Micro.
    """

    source: Path
    form: str
    folder: Path | None = None
    name: str | None = None
    cpu: str | None = None
    board: str | None = None
    optimize: str = "balanced"
    version: str = "1.0.0"
    runtime: str = "c"
    data: Path | None = None
    weights: Path | None = None
    overrides: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    preprocessing: Mapping[str, object] = field(default_factory=dict)


RUNTIMES = ("c", "tflm")


def run_export(request: ExportRequest, progress: Progress) -> tuple[Path, ...]:
    """Write a model in the wanted form; a project is built first, from its cache when nothing changed.

    Raises:
        ProjectError: EP-168 for an unknown form, EP-170 for a runtime that it has not; what the rooms say.
        EdgepackError: EP-252 when the folder cannot be written. Other files in it are left alone.
    """
    if request.form not in FORMS:
        raise ProjectError("EP-168", f"unknown form {request.form!r}", f"use one of {', '.join(FORMS)}")
    if request.runtime not in RUNTIMES:
        raise ProjectError("EP-170", f"unknown runtime {request.runtime!r}", f"use one of {', '.join(RUNTIMES)}")
    form = FORMS[request.form]
    if request.runtime == "tflm" and not form.tflm:
        others = ", ".join(other.name for other in FORMS.values() if other.tflm)
        raise ProjectError("EP-170", f"--as {form.name} has no form for TensorFlow Lite Micro", f"use one of {others}")
    plan = prepare(Request(project=request.source, data=request.data, weights=request.weights, overrides=request.overrides))
    model = request.source
    name = request.name or plan.project.name
    if form.holds_model:
        name = c_identifier(name)
        if model.suffix != ".tflite":
            built = build(plan, progress)
            model = built.model
            if built.data is not None:
                request = replace(request, class_names=built.data.class_names, preprocessing=built.data.preprocessing)
    folder = request.folder or plan.out.parent / "export" / form.name
    options = Options(
        cpu=request.cpu,
        board=request.board,
        optimize=request.optimize,
        version=request.version,
        runtime=request.runtime,
        class_names=request.class_names,
        preprocessing=request.preprocessing,
    )
    with writing_to(folder):
        return form.write(model, name, folder, options)
