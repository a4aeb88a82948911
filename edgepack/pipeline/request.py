"""What a run was asked to do, and everything that can be checked before anything takes time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from edgepack.compress import Step, check_recipe
from edgepack.ground.cache import Cache, project_cache
from edgepack.ground.errors import ProjectError
from edgepack.ground.progress import Progress, SilentProgress
from edgepack.metrics import Metric, load_metric
from edgepack.pipeline.destination import Destination, DeviceRequest, find_target
from edgepack.pipeline.given import NOTHING, Given, given_project, project_with, step_tables
from edgepack.project import (
    DataSettings,
    ModelSettings,
    Project,
    Target,
    derive_name,
    is_keras_model,
    is_model,
    split_overrides,
)
from edgepack.signing import Signer, read_signer, signature_error


@dataclass(frozen=True, kw_only=True)
class Request(DeviceRequest):
    """One deployment as the user asked for it. `project` is a project folder, a model file, or a project that was read.

    `given` are Python objects in place of the project's own; without a project they are all there is. `per_layer` asks for the
    time of each layer, where the engine tells it. `float_file` is what a ready .tflite is compared with. `verify_cache` has every
    stored stage read whole before it is used. `sign` is the file of the key that signs the pack, `endorse` that of the key
    it follows.
    """

    project: Path | Project | None
    given: Given = NOTHING
    data: Path | None = None
    float_file: Path | None = None
    weights: Path | None = None
    out: Path | None = None
    use_cache: bool = True
    verify_cache: bool = False
    require_hardware: bool = False
    zip_file: Path | None = None
    per_layer: bool = False
    sign: Path | None = None
    endorse: Path | None = None


@dataclass(frozen=True)
class ProjectPlan:
    """What is needed to build a project's model, read and found right. `data` and `given` take the place of its own sources."""

    project: Project
    recipe: tuple[Step, ...]
    metric: Metric
    cache: Cache
    data: Path | None
    given: Given


@dataclass(frozen=True)
class Plan(ProjectPlan):
    """A request whose files were read and found right: a project, the devices it is for, the folder of its results, and the keys
    that sign its pack."""

    request: Request
    destination: Destination
    out: Path
    signer: Signer | None = None

    @property
    def target(self) -> Target:
        """The profile."""
        return self.destination.target


def prepare(request: Request, progress: Progress | None = None) -> Plan:
    """Read and check the project, the target, the recipe and the metric; nothing is computed and nothing written.

    `progress` is told of stored stages that turn out to be damaged.

    Raises:
        ProjectError: a file or setting that is wrong, with its place.
        RecipeError: steps that cannot be combined.
    """
    for_project, for_target = split_overrides(request.overrides)
    if request.weights is not None:
        for_project = (*for_project, f"model.weights={_existing(request.weights, '--weights').resolve()}")
    project = _project(request, for_project)
    if request.float_file is not None:
        float_file = str(_existing(request.float_file, "--float").resolve())
        project = replace(project, model=replace(project.model, float_file=float_file))
    target = find_target(request, project.folder, for_target)
    return Plan(
        project=project,
        recipe=check_recipe(project.recipe),
        metric=load_metric(project.data.metric, project.folder, project.data.threshold),
        cache=project_cache(
            _cache_home(request, project), request.use_cache, request.verify_cache, (progress or SilentProgress()).note
        ),
        data=request.data,
        given=request.given,
        request=request,
        destination=Destination(request, target),
        out=_out(request, project, target),
    )


def find_signer(request: Request, target: Target) -> Signer | None:
    """The keys that sign a deployment's pack, None when it is not to be signed.

    Raises:
        ProjectError: EP-190 to EP-195 a key that cannot be used; ToolError: EP-691 cryptography is not installed.
        SignatureRefused: EP-570 the target takes signed packs only, and no key was given.
    """
    if request.sign is not None:
        return read_signer(request.sign, request.endorse)
    if request.endorse is not None:
        raise ProjectError("EP-195", "--endorse without --sign", "give the new key with --sign, the device's with --endorse")
    if target.device.require_signature:
        raise signature_error("unsigned", f"target {target.name} takes signed packs only (require_signature)")
    return None


def read_project(path: Path, overrides: tuple[str, ...] = (), given: Given = NOTHING) -> Project:
    """The project of a folder or an edgepack.toml, or one that is a model file and nothing else.

    Raises:
        ProjectError: a file or setting that is wrong, with its place; EP-165, EP-166.
    """
    if is_keras_model(path):
        _existing(path, "the model")
        return given_project(replace(given, model=path.name, folder=path.parent), overrides)
    return _bare_project(path, overrides) if path.suffix == ".tflite" else project_with(path, overrides, given)


def _project(request: Request, overrides: tuple[str, ...]) -> Project:
    """The project that a run is for: read, given, or made around a model."""
    given = request.given
    if request.project is None:
        return given_project(given, overrides)
    if not isinstance(request.project, Project):
        return read_project(request.project, overrides, given)
    if overrides:
        raise ProjectError(
            "EP-165",
            f"{overrides[0]}: project {request.project.name} was given as an object, which nothing can be set in",
            "set it where the object comes from: load_project(folder, settings={...})",
        )
    return request.project if given.recipe is None else replace(request.project, recipe=step_tables(given.recipe))


def _out(request: Request, project: Project, target: Target) -> Path:
    """Where a run's results are; a model without a project has build/NAME/TARGET."""
    if request.project is None:
        return request.out or project.folder / "build" / project.name / target.name
    given = request.project.folder if isinstance(request.project, Project) else request.project
    return result_folder(given, target.name, request.out)


def result_folder(project: Path, target: str, out: Path | None) -> Path:
    """Where a run's results are: `out`, or build/TARGET in the project; beside a model file, build/MODEL/TARGET."""
    if out is not None:
        return out
    name = Path(target).stem if target.endswith(".toml") else target
    if is_model(project):
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
    """The folder whose `.edgepack` is used: the project's; for a model file that of the results, when one was named."""
    if isinstance(request.project, Path) and is_model(request.project) and request.out is not None:
        return request.out
    return project.folder


def _existing(path: Path, what: str) -> Path:
    if not path.exists():
        raise ProjectError("EP-166", f"{what}: there is no file {path}", "check the path")
    return path
