"""From a failed check to one line that names file, line and key, and one line of what to write instead."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from edgepack.ground.errors import ProjectError
from edgepack.project.toml import TomlFile

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

Schema = TypeVar("Schema", bound="BaseModel")

WANTED = {
    "string": "text in quotes",
    "int": "a whole number",
    "float": "a number",
    "list": "a list",
    "bool": "true or false",
    "tuple": "a list",
    "dict": "a table",
}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def check(source: TomlFile, schema: type[Schema]) -> Schema:
    """`source` as an instance of `schema`.

    Raises:
        ProjectError: EP-103 unknown key, EP-104 missing key, EP-105 a value that is wrong or impossible. Of several faults
            the first in the file is reported.
    """
    from pydantic import ValidationError

    try:
        return schema.model_validate(source.values)
    except ValidationError as error:
        raise _first_in_file(source, schema, error) from error


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be."""
    names = list(known)
    if word and (ending := [name for name in names if name.endswith(f"-{word.lower()}")]):
        return ending[0]  # "m4" for "cortex-m4"
    close = difflib.get_close_matches(word.lower().replace("-", "_"), [name.replace("-", "_") for name in names], 1, 0.6)
    return next((name for name in names if close and name.replace("-", "_") == close[0]), None)


def suggest(word: str, known: Iterable[str], introduction: str) -> str:
    """A hint that names the probable word, if there is one, and lists all known ones behind `introduction`."""
    names = list(known)
    guess = nearest(word, names)
    listing = f"{introduction} {', '.join(names)}"
    return f"did you mean {guess!r}? {listing}" if guess else listing


def _first_in_file(source: TomlFile, schema: type[BaseModel], error: ValidationError) -> ProjectError:
    def order(details: ErrorDetails) -> tuple[int, int]:
        # A misspelt key is also a missing key: the misspelling is the one to name.
        rank = {"extra_forbidden": 0, "missing": 2}.get(details["type"], 1)
        return (rank, source.where(_path(source.values, details["loc"])).line or 0)

    return _message(source, schema, min(error.errors(include_url=False), key=order))


def _message(source: TomlFile, schema: type[BaseModel], details: ErrorDetails) -> ProjectError:
    path = _path(source.values, details["loc"])
    context: dict[str, Any] = details.get("ctx", {})
    path = (*path, *context.get("key", ()))
    where = source.where(path)
    key = str(path[-1]) if path and isinstance(path[-1], str) else _dotted(path)
    if details["type"] == "extra_forbidden":
        known = _keys_at(schema, path[:-1])
        table = _dotted(path[:-1])
        place = f" in [{table}]" if table else ""
        return ProjectError("EP-103", f"{where}: unknown key {key!r}{place}", suggest(key, known, "known keys:"))
    if details["type"] == "missing":
        table = _dotted(path[:-1])
        place = f"[{table}]" if table else "the file"
        return ProjectError("EP-104", f"{where}: {place} lacks {key!r}", f"add {key} to {place}; see the file reference")
    text, hint = _value_text(details, context)
    subject = str(where) if where.flag else f"{where}: {_dotted(path)}"
    return ProjectError("EP-105", f"{subject}: {text}", hint)


def _value_text(details: ErrorDetails, context: dict[str, Any]) -> tuple[str, str]:
    """What is wrong with a value, and what to do."""
    given, kind = details["input"], details["type"]
    hint = "correct the value"
    if kind == "edgepack":
        return str(context["text"]), str(context["hint"])
    if kind == "value_error":
        return str(context["error"]), hint
    outside = outside_text(details)
    if outside is not None:
        return outside
    if kind.endswith("_type"):
        wanted = WANTED.get(kind.removesuffix("_type"), "a table")
        return f"{_shown(given)} where {wanted} is expected", f"write {wanted}"
    if kind in ("too_short", "too_long"):
        count = context.get("min_length", context.get("max_length"))
        return f"the number of elements is {context['actual_length']} where {count} is expected", hint
    if kind == "finite_number":
        return f"{given!r} is not a finite number", hint
    return details["msg"], hint


def outside_text(details: ErrorDetails) -> tuple[str, str] | None:
    """What is wrong with a value that is none of the choices, or beyond a bound, and what to do; None for other faults."""
    given, kind = details["input"], details["type"]
    context: dict[str, Any] = details.get("ctx", {})
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(context["expected"]))
        return f"{given!r} is not a choice", suggest(str(given), allowed, "use one of")
    if kind in _BOUNDS:
        words, limit = _BOUNDS[kind]
        return f"{given!r} must be {words} {context[limit]:g}", "correct the value"
    return None


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {value!r}"
    if isinstance(value, (int, float)):
        return f"the number {value!r}"
    return {"list": "a list", "dict": "a table"}.get(type(value).__name__, "a date or time")


def _path(values: object, location: Iterable[str | int]) -> tuple[str | int, ...]:
    """The part of a pydantic location that exists in the file; the rest names branches of a union."""
    path: list[str | int] = []
    here: Any = values
    for part in location:
        if isinstance(here, dict):
            path.append(part)
            here = here.get(part)
        elif isinstance(here, list) and isinstance(part, int):
            path.append(part)
            here = here[part] if part < len(here) else None
        elif not isinstance(here, list):
            break
    return tuple(path)


def _keys_at(schema: type[BaseModel], path: Iterable[str | int]) -> list[str]:
    """The keys a table may have: follow `path` through nested schemas."""
    from pydantic import BaseModel

    here = schema
    for part in path:
        if isinstance(part, int):
            continue
        annotation = here.model_fields[part].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        here = annotation
    return list(here.model_fields)


def _dotted(path: Iterable[str | int]) -> str:
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text
