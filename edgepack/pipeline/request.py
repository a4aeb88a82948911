"""What a run was asked to do, and everything that can be checked before anything takes time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgepack.compress import Step, check_recipe
from edgepack.ground.cache import Cache, project_cache
from edgepack.ground.errors import ProjectError
from edgepack.metrics import Metric, load_metric
from edgepack.pipeline.destination import Destination, DeviceRequest
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


@dataclass(frozen=True, kw_only=True)
class Request(DeviceRequest):
    """One deployment as the user asked for it. `project` is a project folder or a ready .tflite file.

    `per_layer` asks for the time of each layer, where the engine tells it.
    """

    project: Path
    data: Path | None = None
    weights: Path | None = None
    out: Path | None = None
    use_cache: bool = True
    require_hardware: bool = False
    zip_file: Path | None = None
    per_layer: bool = False


@dataclass(frozen=True)
class ProjectPlan:
    """What is needed to build a project's model, read and found right. `data` takes the place of the project's own source."""

    project: Project
    recipe: tuple[Step, ...]
    metric: Metric
    cache: Cache
    data: Path | None


@dataclass(frozen=True)
class Plan(ProjectPlan):
    """A request whose files were read and found right: a project, the devices it is for, and the folder of its results."""

    request: Request
    destination: Destination
    out: Path

    @property
    def target(self) -> Target:
        """The profile."""
        return self.destination.target


def prepare(request: Request) -> Plan:
    """Read and check the project, the target, the recipe and the metric; nothing is computed and nothing written.

    Raises:
        ProjectError: a file or setting that is wrong, with its place.
        RecipeError: steps that cannot be combined.
    """
    for_project, for_target = split_overrides(request.overrides)
    project = read_project(request.project, for_project, request.weights)
    return plan_of(request, project, load_target(request.target, project.folder, for_target))


def plan_of(request: Request, project: Project, target: Target) -> Plan:
    """The plan for a project and a target that were read already; of `request` what remains counts.

    Raises:
        ProjectError: a metric that cannot be loaded.
        RecipeError: steps that cannot be combined.
    """
    return Plan(
        project=project,
        recipe=check_recipe(project.recipe),
        metric=load_metric(project.data.metric, project.folder),
        cache=project_cache(_cache_home(request, project), request.use_cache),
        data=request.data,
        request=request,
        destination=Destination(request, target),
        out=result_folder(request.project, target.name, request.out),
    )


def read_project(path: Path, overrides: tuple[str, ...] = (), weights: Path | None = None) -> Project:
    """The project of a folder or an edgepack.toml, or one that is a ready .tflite and nothing else.

    Raises:
        ProjectError: a file or setting that is wrong, with its place; EP-165, EP-166.
    """
    if weights is not None:
        overrides = (*overrides, f"model.weights={_existing(weights, '--weights').resolve()}")
    return _bare_project(path, overrides) if path.suffix == ".tflite" else load_project(path, overrides)


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
