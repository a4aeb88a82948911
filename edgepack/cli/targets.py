"""`edgepack targets`: which targets there are, and what one says."""

from __future__ import annotations

from collections.abc import Sequence
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
    from edgepack.report import Column, print_table, standard_output

    table = [(target.name, target.device.kind, target.title, _readiness(needs(target))) for target in found]
    columns = (Column("target"), Column("device"), Column("what it is"), Column("ready here"))
    print_table(standard_output(), columns, table)


def _readiness(missing: Sequence[str]) -> str:
    return f"needs {' and '.join(missing)}" if missing else "yes"
