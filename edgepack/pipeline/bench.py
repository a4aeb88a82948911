"""One model on one target, measured and not judged."""

from __future__ import annotations

import os
from pathlib import Path

from edgepack.devices import open_device
from edgepack.errors import ProjectError
from edgepack.measure import Measured, bench
from edgepack.pack import read_pack
from edgepack.pipeline.request import Request, prepare
from edgepack.progress import Progress
from edgepack.project import device_address, list_targets


def run_bench(request: Request, progress: Progress) -> Measured:
    """Measure a .tflite, or the model a project deployed last, on a target's device.

    Raises:
        ProjectError: EP-167 when the project was not deployed yet; what the rooms say.
    """
    plan = prepare(request)
    model = request.project if request.project.suffix == ".tflite" else read_pack(last_pack(plan.out, plan.project.folder)).model
    with open_device(plan.target, device_address(plan.target, request.device, os.environ)) as device:
        return bench(model, device, plan.target, progress)


def last_pack(out: Path, project: Path) -> Path:
    """The pack of the last deployment to this target, else to another one.

    Raises:
        ProjectError: EP-167 when there is none.
    """
    others = [project / "build" / target.name for target in list_targets(project)]
    found = [folder / "pack" for folder in (out, *others) if (folder / "pack" / "manifest.json").is_file()]
    if not found:
        raise ProjectError("EP-167", f"{project} was not deployed yet: it has no pack", f"edgepack deploy {project}")
    return found[0]
