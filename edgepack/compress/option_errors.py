"""Options that a step cannot have: messages with the place, the option and the nearest valid one.

A step is told apart from where it came from: an error names the class (`Prune: sparsity: …`) until the table that the step was
read from is known (`edgepack.toml:12: prune: sparsity: …`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgepack.ground.errors import ProjectError
from edgepack.project.check import WANTED, outside_text, suggest

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

    from edgepack.project.types import StepTable


class OptionError(ProjectError):
    """An option of a step that was made without a file. `text` goes on from the step's name; `option` is empty for several."""

    def __init__(self, code: str, step: type[BaseModel], option: str, text: str, hint: str) -> None:
        super().__init__(code, f"{step.__name__}{text}", hint)
        self.option, self.text = option, text

    def at(self, table: StepTable) -> ProjectError:
        """The same error with the place in `table`."""
        step = f"the step {table.step}" if self.code == "EP-402" else table.step
        return ProjectError(self.code, f"{table.at(self.option)}: {step}{self.text}", self.hint)


def bad_value(step: type[BaseModel], option: str, text: str, hint: str) -> OptionError:
    """EP-403: an option whose value is impossible for this step."""
    return OptionError("EP-403", step, option, f": {option}: {text}", hint)


def contradiction(step: type[BaseModel], option: str, text: str, hint: str) -> OptionError:
    """EP-405: options that exclude each other; the error points at `option`."""
    return OptionError("EP-405", step, option, f": {text}", hint)


def refused(step: type[BaseModel], error: ValidationError) -> OptionError:
    """The first fault that was found in a step's options, unknown ones (EP-402) before wrong values (EP-403)."""
    faults = error.errors(include_url=False)
    unknown = [fault for fault in faults if fault["type"] == "extra_forbidden"]
    fault = (unknown or faults)[0]
    option = str(fault["loc"][0]) if fault["loc"] else ""
    if unknown:
        hint = suggest(option, step.model_fields, "options of this step:")
        return OptionError("EP-402", step, option, f" has no option {option!r}", hint)
    text, hint = _value_text(fault)
    inside = "".join(f".{part}" for part in fault["loc"][1:])
    return bad_value(step, option, f"{text}{f' (in {option}{inside})' if inside else ''}", hint)


def _value_text(fault: ErrorDetails) -> tuple[str, str]:
    outside = outside_text(fault)
    if outside is not None:
        return outside
    if fault["type"].endswith("_type"):
        wanted = WANTED.get(fault["type"].removesuffix("_type"), "another type")
        return f"{fault['input']!r} where {wanted} is expected", f"write {wanted}"
    return str(fault["msg"]), "correct the value"
