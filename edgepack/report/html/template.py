"""Templates of pages: whatever a template shows is text, never markup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgepack.ground.escape import harmless

if TYPE_CHECKING:
    from jinja2 import Template


def template(file: Path) -> Template:
    """The template in `file`, which may include files beside it: values are escaped, and characters that steer what shows them
    are replaced."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(file.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    return environment.get_template(file.name)


def _shown(value: Any) -> Any:
    """A value as it is shown; what a macro made is markup, whose parts were shown before."""
    return harmless(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
