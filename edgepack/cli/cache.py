"""`edgepack cache`: what is stored, and removing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgepack.cli.options import Json

if TYPE_CHECKING:
    from edgepack.ground.cache import Cache

cache_app = typer.Typer(help="Show, verify or clear the results of finished stages that a project keeps.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="A project folder.")]


@cache_app.command("list")
def list_entries(project: Folder = Path(), json_output: Json = False) -> None:
    """List the stored stages: name, size, when last used."""
    import time

    from edgepack.cli.output import print_json
    from edgepack.project.units import format_bytes
    from edgepack.report import Column, print_table, standard_output

    entries = _cache_of(project).entries()
    if json_output:
        print_json([{"stage": e.stage, "folder": str(e.folder), "bytes": e.size, "used": e.used} for e in entries])
        return
    rows = [
        (entry.stage, format_bytes(entry.size), time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used)), entry.folder.name)
        for entry in entries
    ]
    columns = (Column("stage"), Column("size", True), Column("last used"), Column("folder"))
    print_table(standard_output(), columns, rows)
    typer.echo(f"{len(entries)} stages, {format_bytes(sum(entry.size for entry in entries))}")


@cache_app.command("clear")
def clear(
    project: Folder = Path(),
    older_than: Annotated[float, typer.Option("--older-than", help="Only results not used for this many days.")] = 0,
) -> None:
    """Remove stored stages; the next run computes them again."""
    from edgepack.project.units import format_bytes

    freed = _cache_of(project).clear(older_than)
    typer.echo(f"freed {format_bytes(freed)}")


@cache_app.command("verify")
def verify(project: Folder = Path()) -> None:
    """Read every stored stage whole and remove those that are damaged; the next run computes them again."""
    from edgepack.cli.output import say

    cache = _cache_of(project)
    stages, damaged = len(cache.entries()), cache.remove_damaged()
    for entry, why in damaged:
        say(f"removed {entry.folder.name}: {why}")
    say(f"{stages - len(damaged)} of {stages} stages are what they were")


def _cache_of(project: Path) -> Cache:
    """The cache of a project; a folder of .tflite files has one too when they were deployed with data."""
    from edgepack.ground.cache import project_cache
    from edgepack.project import find_project_file

    return project_cache(project if (project / ".edgepack").is_dir() else find_project_file(project).parent)
