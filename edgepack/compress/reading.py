"""Reading a `[[recipe]]` table's options: messages with file, line and the nearest valid key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from edgepack.ground.errors import ProjectError
from edgepack.project.check import suggest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from edgepack.compress.options import StepOptions
    from edgepack.project.types import StepTable

Options = TypeVar("Options", bound="StepOptions")

_WANTED = {
    "string": "text in quotes",
    "int": "a whole number",
    "float": "a number",
    "tuple": "a list",
    "bool": "true or false",
    "dict": "a table",
}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def read_options(table: StepTable, schema: type[Options]) -> Options:
    """The options of `table` as an instance of `schema`.

    Raises:
        ProjectError: EP-402 for an unknown option, EP-403 for a value that is wrong or impossible.
    """
    from pydantic import ValidationError

    try:
        return schema.model_validate(table.options)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        unknown = [fault for fault in faults if fault["type"] == "extra_forbidden"]
        raise _message(table, schema, (unknown or faults)[0]) from error


def bad_value(table: StepTable, option: str, text: str, hint: str) -> ProjectError:
    """The error for an option whose value is impossible for this step."""
    return ProjectError("EP-403", f"{table.at(option)}: {table.step}: {option}: {text}", hint)


def _message(table: StepTable, schema: type[StepOptions], fault: ErrorDetails) -> ProjectError:
    option = str(fault["loc"][0]) if fault["loc"] else ""
    if fault["type"] == "extra_forbidden":
        hint = suggest(option, schema.model_fields, "options of this step:")
        return ProjectError("EP-402", f"{table.at(option)}: the step {table.step} has no option {option!r}", hint)
    text, hint = _value_text(fault)
    inside = "".join(f".{part}" for part in fault["loc"][1:])
    return bad_value(table, option, f"{text}{f' (in {option}{inside})' if inside else ''}", hint)


def _value_text(fault: ErrorDetails) -> tuple[str, str]:
    given, kind = fault["input"], fault["type"]
    context: dict[str, Any] = fault.get("ctx", {})
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(context["expected"]))
        return f"{given!r} is not a choice", suggest(str(given), allowed, "use one of")
    if kind in _BOUNDS:
        words, limit = _BOUNDS[kind]
        return f"{given!r} must be {words} {context[limit]:g}", "correct the value"
    if kind.endswith("_type"):
        wanted = _WANTED.get(kind.removesuffix("_type"), "another type")
        return f"{given!r} where {wanted} is expected", f"write {wanted}"
    return str(fault["msg"]), "correct the value"
