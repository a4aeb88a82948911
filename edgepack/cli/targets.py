"""`edgepack targets`: which targets there are, and what one says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgepack.cli.options import Json


def targets(
    name: Annotated[str | None, typer.Argument(help="Show this target's profile instead of the list.")] = None,
    project: Annotated[Path | None, typer.Option("--project", help="Look in this project's folder too.")] = None,
    json_output: Json = False,
) -> None:
    """List the target profiles and what this machine lacks for them, or show one: its device, runtime and budgets."""
    from edgepack.cli.output import print_json, say
    from edgepack.ground.escape import terminal_markup
    from edgepack.pipeline.doctor import needs
    from edgepack.project import find_project_file, list_targets, load_target

    if project is not None:
        project = find_project_file(project).parent
    if name is not None:
        target = load_target(name, project)
        if json_output:
            print_json(target)
        else:
            say(f"# {target.file}\n{target.file.read_text()}".removesuffix("\n"), lines=True)
        return
    found = list_targets(project)
    if json_output:
        rows = [{"name": t.name, "title": t.title, "kind": t.device.kind, "file": str(t.file), "needs": needs(t)} for t in found]
        print_json(rows)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("target", "device", "what it is", "ready here", box=None, pad_edge=False)
    for target in found:
        missing = needs(target)
        cells = (target.name, target.device.kind, target.title, f"needs {' and '.join(missing)}" if missing else "yes")
        table.add_row(*map(terminal_markup, cells))
    Console().print(table)
