"""Reading a project: edgepack.toml, its recipe and the overrides of this run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgepack.ground.errors import ProjectError
from edgepack.project.check import check
from edgepack.project.locate import Path as KeyPath
from edgepack.project.names import derive_name
from edgepack.project.overrides import Override, apply_overrides, parse_override
from edgepack.project.toml import TomlFile, read_toml
from edgepack.project.types import DataSettings, ModelSettings, Project, SearchSettings, StepTable

if TYPE_CHECKING:
    from edgepack.project.schema import DataTable, PreprocessingTable, SearchTable

FILE_NAME = "edgepack.toml"

# Values that may be files; given by --set, they may also be relative to the working folder.
_FILE_KEYS = frozenset({("model", "source"), ("model", "weights"), ("model", "float"), ("data", "source")})


def load_project(folder: Path, overrides: Sequence[str] = (), recipe: Sequence[Mapping[str, Any]] | None = None) -> Project:
    """The project in `folder` (or in the edgepack.toml given itself), with `--set` values applied.

    `recipe = "recipes/fast.toml"` names a file of `[[recipe]]` tables in the project folder; `recipe.STEP.KEY=VALUE` in
    `overrides` changes one option of a step. `recipe`, when it is given, takes the place of the file's tables.

    Raises:
        ProjectError: EP-101 no such file, EP-102 not TOML, EP-103 to EP-105 wrong keys and values, EP-106 no recipe file,
            EP-108 a malformed override.
    """
    file = find_project_file(folder)
    source = read_toml(file, "project file")
    if recipe is not None:
        source = replace(source, values={**source.values, "recipe": list(recipe)}, flags=_places(recipe))
    return _project(source, file.parent, overrides)


def make_project(values: Mapping[str, Any], folder: Path, overrides: Sequence[str] = ()) -> Project:
    """A project without a file: `values` are what its edgepack.toml in `folder` would hold.

    Raises:
        ProjectError: as `load_project`, without a line.
    """
    flags = {(key,): key for key in values if key != "recipe"} | dict(_places(values.get("recipe", ())))
    return _project(TomlFile(folder / FILE_NAME, dict(values), {}, flags), folder, overrides)


def _places(recipe: Sequence[Mapping[str, Any]]) -> Mapping[KeyPath, str]:
    """What messages call the tables of a recipe that stands in no file."""
    return {("recipe", index): f"recipe[{index}]" for index in range(len(recipe))}


def _project(source: TomlFile, root: Path, overrides: Sequence[str]) -> Project:
    from edgepack.project.schema import ProjectFile, RecipeFile, RecipeTables

    changes = [_rooted(parse_override(argument), root) for argument in overrides]
    source = apply_overrides(source, ProjectFile, [change for change in changes if not _is_step_option(change)])
    recipe = source.values.get("recipe", [])
    recipe_source = replace(source, values={"recipe": recipe})
    if isinstance(recipe, str):
        recipe_source = _recipe_file(source, root, recipe)
        check(recipe_source, RecipeFile)
        source = replace(source, values={key: value for key, value in source.values.items() if key != "recipe"})
    checked = check(source, ProjectFile)
    recipe_source = apply_overrides(recipe_source, RecipeTables, [change for change in changes if _is_step_option(change)])
    check(recipe_source, RecipeTables)
    name = checked.name or checked.model.name or derive_name(root.resolve().name)
    return Project(
        folder=root,
        file=source.file,
        name=name,
        model=ModelSettings(
            source=checked.model.source,
            name=name,
            weights=checked.model.weights,
            custom_objects=checked.model.custom_objects,
            trust=checked.model.trust,
            max_load_memory=checked.model.max_load_memory,
            max_load_time=checked.model.max_load_time,
            float_file=checked.model.float,
            intended_use=checked.model.intended_use,
            limitations=tuple(checked.model.limitations),
        ),
        data=_data_settings(checked.data),
        recipe=_step_tables(recipe_source),
        search=_search_settings(checked.search),
    )


def read_recipe(file: Path) -> tuple[StepTable, ...]:
    """The `[[recipe]]` tables of a recipe file or an edgepack.toml.

    Raises:
        ProjectError: EP-101 no such file, EP-102 not TOML, EP-103 to EP-105 wrong keys and values.
    """
    from edgepack.project.schema import RecipeFile

    source = read_toml(file, "recipe file")
    if file.name == FILE_NAME:
        source = replace(source, values={"recipe": source.values.get("recipe", [])})
    check(source, RecipeFile)
    return _step_tables(source)


def find_project_file(folder: Path) -> Path:
    """The edgepack.toml of a project folder.

    Raises:
        ProjectError: EP-101 when there is none.
    """
    if folder.is_file() and folder.suffix == ".toml":
        return folder
    file = folder / FILE_NAME
    if file.is_file():
        return file
    make = f"make one: edgepack init {shlex.quote(str(folder))}"
    if not folder.exists():
        raise ProjectError(
            "EP-101",
            f"there is no folder {folder}",
            f"check the path, or {make}",
        )
    if not folder.is_dir():
        raise ProjectError("EP-101", f"{folder} is no project folder", f"give a folder with {FILE_NAME}")
    raise ProjectError("EP-101", f"{folder} has no {FILE_NAME}", f"give a project folder, or {make}")


def _is_step_option(change: Override) -> bool:
    return change.path[0] == "recipe" and len(change.path) > 1


def _rooted(change: Override, root: Path) -> Override:
    """A file that exists from the working folder and not from the project's is meant from the working folder."""
    is_recipe = change.path == ("recipe",)
    if (change.path in _FILE_KEYS or is_recipe) and not os.path.exists(root / change.text) and os.path.exists(change.text):
        return replace(change, text=str(Path(change.text).resolve()))
    return change


def _recipe_file(source: TomlFile, root: Path, name: str) -> TomlFile:
    where = source.where(("recipe",))
    file = root / name
    if not os.path.isfile(file):  # which, unlike Path's, is False for a name that no file can have
        hint = "name a file of [[recipe]] tables in the project folder"
        raise ProjectError("EP-106", f"{where}: there is no recipe file {str(file)[:300]}", hint)
    return read_toml(file, "recipe file")


def _step_tables(source: TomlFile) -> tuple[StepTable, ...]:
    tables = []
    for index, table in enumerate(source.values["recipe"]):
        options = {key: value for key, value in table.items() if key != "step"}
        places = {key: source.where(("recipe", index, key)) for key in table}
        tables.append(StepTable(table["step"], options, source.where(("recipe", index)), places))
    return tuple(tables)


def _search_settings(table: SearchTable) -> SearchSettings:
    return SearchSettings(
        sparsities=_values(table.sparsities),
        removed=_values(table.removed),
        clusters=_values(table.clusters),
        weights=_values(table.weights),
        layers=tuple(table.layers),
        exclude=tuple(table.exclude),
        epochs=table.epochs,
        options={name: tuple(values) for name, values in table.options.items()},
    )


def _values(given: Sequence[Any] | None) -> tuple[Any, ...] | None:
    """Each value once, in rising order where they have one."""
    return None if given is None else tuple(sorted(set(given)))


def _data_settings(table: DataTable) -> DataSettings:
    size = table.image_size
    return DataSettings(
        source=table.source,
        metric=table.metric,
        threshold=table.threshold,
        validation=table.validation,
        test=table.test,
        seed=table.seed,
        representative=table.representative,
        image_size=None if size is None else (size[0], size[1]),
        color=table.color,
        max_unpacked=table.max_unpacked,
        preprocessing=_preprocessing(table.preprocessing),
    )


def _preprocessing(table: PreprocessingTable) -> dict[str, Any]:
    return {key: value for key, value in table.model_dump().items() if value is not None}
