"""Finding and reading target profiles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.ground.errors import ProjectError
from edgepack.kinds import KINDS
from edgepack.project.check import check, suggest
from edgepack.project.overrides import apply_overrides, parse_override
from edgepack.project.packaged import packaged_folder
from edgepack.project.toml import TomlFile, read_toml
from edgepack.project.types import Budget, DeviceSettings, Target

if TYPE_CHECKING:
    from edgepack.project.schema import DeviceTable, TargetFile


def load_target(name_or_path: str, project_folder: Path | None = None, overrides: Sequence[str] = ()) -> Target:
    """The target of that name (looked for in the project folder, ./targets, and the package), or in that file.

    Raises:
        ProjectError: EP-107 no such target, EP-101 to EP-105 a file that cannot be used, EP-108 a malformed override.
    """
    file = _find(name_or_path, project_folder)
    changes = [parse_override(argument) for argument in overrides]
    from edgepack.project.schema import TargetFile

    return _target(apply_overrides(read_toml(file, "target file"), TargetFile, changes))


def list_targets(project_folder: Path | None = None) -> tuple[Target, ...]:
    """Every target that a name can find, by name; of equal names the one that `load_target` takes."""
    files: dict[str, Path] = {}
    for folder in _folders(project_folder):
        if folder.is_dir():
            for file in sorted(folder.glob("*.toml")):
                if folder != project_folder or _is_target(file):
                    files.setdefault(file.stem, file)
    return tuple(_target(read_toml(files[name], "target file")) for name in sorted(files))


def builtin_folder() -> Path:
    """The folder of the profiles that come with edgepack: in the wheel, or in a checkout."""
    return packaged_folder("targets")


def _folders(project_folder: Path | None) -> tuple[Path, ...]:
    own = () if project_folder is None else (project_folder / "targets", project_folder)
    return (*own, Path("targets"), builtin_folder())


def _is_target(file: Path) -> bool:
    """Whether a .toml file directly in a project folder is a profile: those have a [device] table."""
    try:
        return "device" in read_toml(file, "target file").values
    except ProjectError:
        return False


def _find(name_or_path: str, project_folder: Path | None) -> Path:
    given = Path(name_or_path)
    if given.suffix == ".toml" or given.name != name_or_path:
        places = [given] if project_folder is None else [given, project_folder / given]
        for file in places:
            if file.is_file():
                return file
        raise ProjectError("EP-107", f"there is no target file {name_or_path}", "check the path, or see `edgepack targets`")
    for folder in _folders(project_folder):
        file = folder / f"{name_or_path}.toml"
        if file.is_file() and (folder != project_folder or _is_target(file)):
            return file
    known = sorted({file.stem for folder in _folders(None) for file in folder.glob("*.toml")})
    if project_folder is not None:
        known = sorted({*known, *(file.stem for file in (project_folder / "targets").glob("*.toml"))})
    raise ProjectError("EP-107", f"there is no target {name_or_path!r}", suggest(name_or_path, known, "known targets:"))


def _target(source: TomlFile) -> Target:
    from edgepack.project.schema import TargetFile

    checked: TargetFile = check(source, TargetFile)
    stem = source.file.stem
    if checked.name is not None and checked.name != stem:
        raise ProjectError(
            "EP-105",
            f"{source.where(('name',))}: name: {checked.name!r} is not the file's name",
            f"write name = {stem!r}, or rename the file to {checked.name}.toml",
        )
    name = checked.name or stem
    return Target(name, source.file, checked.title or name, _device(checked.device), Budget(**checked.budget.model_dump()))


def _device(table: DeviceTable) -> DeviceSettings:
    values = table.model_dump()
    renamed = {"clock_hz": "clock", "timeout_s": "timeout", "current_ma": "current", "voltage_v": "voltage"}
    fields = {field: values.pop(key) for field, key in renamed.items()}
    values["threads"] = 0 if table.threads == "auto" else table.threads
    fields["coding"] = values.pop("coding") or KINDS[table.kind].coding
    fields["overlay_input"] = values.pop("input") == "may be overwritten"
    fields["addresses"] = tuple(values.pop("addresses") or ())
    return DeviceSettings(**values, **fields)
