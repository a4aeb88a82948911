"""`edgepack init`: a project to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    folder: Annotated[Path, typer.Argument(help="The folder to make; nothing in it is overwritten.")],
    name: Annotated[str | None, typer.Option("--name", help="The project's name (default: the folder's).")] = None,
) -> None:
    """Write a small project that works as it is: edgepack.toml, model.py, data.py and a README."""
    import shlex

    from edgepack.cli.output import say
    from edgepack.project import write_template

    for path in write_template(folder, name):
        say(f"wrote {path}")
    say(f"next: edgepack deploy {shlex.quote(str(folder))} --target host")
