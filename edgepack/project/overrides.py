"""`--set table.key=value`: the same keys as in the files, for one run."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args, get_origin

from edgepack.ground.errors import ProjectError
from edgepack.project.check import suggest
from edgepack.project.toml import DEEPEST, TomlFile, parse_toml, unusable

if TYPE_CHECKING:
    from pydantic import BaseModel

PROJECT_TABLES = ("name", "model", "data", "recipe", "search")
TARGET_TABLES = ("title", "device", "budget")


@dataclass(frozen=True)
class Override:
    """One `--set`: the key's path and the value's text."""

    path: tuple[str, ...]
    text: str

    @property
    def flag(self) -> str:
        """What messages call it."""
        return f"--set {'.'.join(self.path)}"


def parse_override(argument: str) -> Override:
    """Such as "budget.ram=32KiB" -> Override(("budget", "ram"), "32KiB").

    Raises:
        ProjectError: EP-108 when it is not of the form key=value.
    """
    key, equals, text = argument.partition("=")
    path = tuple(part.strip() for part in key.split("."))
    if not equals or not all(path):
        raise ProjectError(
            "EP-108", f"--set {argument[:200]}: not of the form table.key=value", "write it like --set budget.ram=32KiB"
        )
    if len(path) > DEEPEST:
        raise ProjectError("EP-108", f"--set {key[:80]}…: a key of {len(path)} parts", "write it like --set budget.ram=32KiB")
    return Override(path, text.strip())


def split_overrides(arguments: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which `--set` arguments are the project's and which the target's.

    Raises:
        ProjectError: EP-108 for one that is neither's.
    """
    project: list[str] = []
    target: list[str] = []
    for argument in arguments:
        override = parse_override(argument)
        if override.path[0] in PROJECT_TABLES:
            project.append(argument)
        elif override.path[0] in TARGET_TABLES:
            target.append(argument)
        else:
            known = (*PROJECT_TABLES, *TARGET_TABLES)
            hint = suggest(override.path[0], known, "it starts with one of")
            raise ProjectError("EP-108", f"{override.flag}: there is no table {override.path[0]!r}", hint)
    return tuple(project), tuple(target)


def apply_overrides(source: TomlFile, schema: type[BaseModel], overrides: Sequence[Override]) -> TomlFile:
    """`source` with the values of `overrides`, which later complaints then name as their place.

    The text is read as TOML where that gives what the key holds, else it is taken as it stands, so quotes are not
    needed; `none` removes the key.

    Raises:
        ProjectError: EP-108 for a path that leads through something that is no table.
    """
    values = copy.deepcopy(source.values)
    flags = dict(source.flags)
    for override in overrides:
        here: Any = values
        path: list[str | int] = []
        for part in override.path[:-1]:
            if isinstance(here, list):
                index = _index(override, here, part)
                path.append(index)
                here = here[index]
            else:
                path.append(part)
                here = here.setdefault(part, {})
            if not isinstance(here, (dict, list)):
                raise ProjectError("EP-108", f"{override.flag}: {part!r} is no table", "check the key")
        if isinstance(here, list):
            raise ProjectError("EP-108", f"{override.flag}: names no key", "write recipe.STEP.KEY=VALUE")
        last = override.path[-1]
        path.append(last)
        if override.text.lower() == "none":
            here.pop(last, None)
        else:
            here[last] = _value(override, _wants_text(schema, override.path))
        flags[tuple(path)] = override.flag
    return replace(source, values=values, flags=flags)


def _index(override: Override, tables: list[Any], part: str) -> int:
    """The recipe table that `part` names: by its step when only one has it, or by its number from 1."""
    steps = [table.get("step") if isinstance(table, dict) else None for table in tables]
    if part.isdigit() and 1 <= int(part) <= len(tables):
        return int(part) - 1
    if steps.count(part) == 1:
        return steps.index(part)
    listing = ", ".join(f"{number} {step}" for number, step in enumerate(steps, 1)) or "none"
    problem = f"{steps.count(part)} steps are called {part!r}" if part in steps else f"there is no step {part!r}"
    raise ProjectError("EP-108", f"{override.flag}: {problem}", f"name one of the steps ({listing}) by its name or number")


def _value(override: Override, wants_text: bool) -> Any:
    if wants_text:
        return override.text
    try:
        value = parse_toml(f"value = {override.text}")["value"]
    except (ValueError, KeyError):
        return override.text
    except RecursionError as error:
        raise ProjectError("EP-108", f"{override.flag}: its values are nested too deeply", "write a flatter one") from error
    for _, fault in unusable(value):
        raise fault(override.flag)
    return value


def _wants_text(schema: type[BaseModel], path: Sequence[str]) -> bool:
    """Whether the key holds text and nothing else, so that `10` and `true` are text there too."""
    from pydantic import BaseModel

    annotation: Any = schema
    for part in path:
        if get_origin(annotation) is list:
            annotation = get_args(annotation)[0]
            continue
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)) or part not in annotation.model_fields:
            return False
        annotation = annotation.model_fields[part].annotation
    kinds = {kind for kind in _plain_types(annotation) if kind is not type(None)}
    return kinds == {str}


def _plain_types(annotation: Any) -> set[Any]:
    """The classes in a possibly optional, annotated or united type."""
    if hasattr(annotation, "__metadata__"):
        return _plain_types(get_args(annotation)[0])
    inner = get_args(annotation)
    if inner and not isinstance(annotation, type):
        return set().union(*(_plain_types(item) for item in inner))
    return {annotation}
