"""What a run was asked to do, and everything that can be checked before anything takes time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgepack.compress import Step, check_recipe
from edgepack.ground.cache import Cache, project_cache
from edgepack.ground.errors import ProjectError
from edgepack.metrics import Metric, load_metric
from edgepack.project import (
    DataSettings,
    ModelSettings,
    Project,
    Target,
    derive_name,
    load_project,
    load_target,
    split_overrides,
)


@dataclass(frozen=True)
class Request:
    """One deployment as the user asked for it. `project` is a project folder or a ready .tflite file.

    `per_layer` asks for the time of each layer, where the engine tells it. The last six are for several devices: `inventory`
    names them, `limit` chooses among them, `canary` of them come first, the others in groups of `batch` (0: all), at most
    `workers` at a time; `on_failure` is what happens when a device computes something wrong or misses a budget.
    """

    project: Path
    target: str = "cortex-m4"
    overrides: tuple[str, ...] = ()
    data: Path | None = None
    weights: Path | None = None
    device: str | None = None
    out: Path | None = None
    use_cache: bool = True
    require_hardware: bool = False
    zip_file: Path | None = None
    per_layer: bool = False
    inventory: Path | None = None
    limit: str | None = None
    canary: int = 0
    batch: int = 0
    workers: int = 8
    on_failure: Literal["rollback", "stop", "continue"] = "rollback"


@dataclass(frozen=True)
class Plan:
    """A request whose files were read and found right."""

    request: Request
    project: Project
    target: Target
    recipe: tuple[Step, ...]
    metric: Metric
    cache: Cache
    out: Path


def prepare(request: Request) -> Plan:
    """Read and check the project, the target, the recipe and the metric; nothing is computed and nothing written.

    Raises:
        ProjectError: a file or setting that is wrong, with its place.
        RecipeError: steps that cannot be combined.
    """
    for_project, for_target = split_overrides(request.overrides)
    if request.weights is not None:
        for_project = (*for_project, f"model.weights={_existing(request.weights, '--weights').resolve()}")
    if request.project.suffix == ".tflite":
        project = _bare_project(request.project, for_project)
    else:
        project = load_project(request.project, for_project)
    target = load_target(request.target, project.folder, for_target)
    return Plan(
        request=request,
        project=project,
        target=target,
        recipe=check_recipe(project.recipe),
        metric=load_metric(project.data.metric, project.folder),
        cache=project_cache(_cache_home(request, project), request.use_cache),
        out=result_folder(request.project, target.name, request.out),
    )


def result_folder(project: Path, target: str, out: Path | None) -> Path:
    """Where a run's results are: `out`, or build/TARGET in the project; beside a .tflite, build/MODEL/TARGET."""
    if out is not None:
        return out
    name = Path(target).stem if target.endswith(".toml") else target
    if project.suffix == ".tflite":
        return project.parent / "build" / project.stem / name
    folder = project.parent if project.suffix == ".toml" else project
    return folder / "build" / name


def latest_results(project: Path) -> Path | None:
    """Where the results of the newest report of `project` are, of whichever target; None without any."""
    reports = result_folder(project, "any", None).parent.glob("*/report.json")
    return max((file.parent for file in reports), key=lambda folder: (folder / "report.json").stat().st_mtime_ns, default=None)


def _bare_project(model: Path, overrides: tuple[str, ...]) -> Project:
    """A project that is one ready .tflite and nothing else."""
    _existing(model, "the model")
    if overrides:
        raise ProjectError(
            "EP-165",
            f"--set {overrides[0]}: a .tflite on its own has no project settings",
            "make an edgepack.toml with [model] source = the file, and give its folder",
        )
    name = derive_name(model.stem)
    return Project(
        folder=model.resolve().parent,
        file=model,
        name=name,
        model=ModelSettings(source=model.name, name=name),
        data=DataSettings(),
    )


def _cache_home(request: Request, project: Project) -> Path:
    """The folder whose `.edgepack` is used: the project's; for a ready .tflite that of the results, when one was named."""
    if request.project.suffix == ".tflite" and request.out is not None:
        return request.out
    return project.folder


def _existing(path: Path, what: str) -> Path:
    if not path.exists():
        raise ProjectError("EP-166", f"{what}: there is no file {path}", "check the path")
    return path
