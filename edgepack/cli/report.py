"""`edgepack report`: the last report again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgepack.cli.options import Json, Out


def report(
    project: Annotated[Path, typer.Argument(help="A project folder.")] = Path(),
    target: Annotated[
        str | None, typer.Option("--target", "-t", help="A target's name or .toml file (default: the one deployed to last).")
    ] = None,
    out: Out = None,
    json_output: Json = False,
) -> None:
    """Print the last deployment's report again and write its HTML and JUnit files anew; nothing is measured."""
    from edgepack.cli.output import print_json, say
    from edgepack.pack import read_pack
    from edgepack.pipeline.request import latest_results, result_folder
    from edgepack.report import (
        FleetReport,
        pack_warning,
        print_fleet,
        print_report,
        read_any_report,
        standard_output,
        write_reports,
    )

    latest = latest_results(project) if target is None and out is None else None
    folder = latest or result_folder(project, target or "cortex-m4", out)
    last = read_any_report(folder / "report.json")
    warning = pack_warning(last, folder)
    if warning:
        say(f"warning: {warning}", error=True)
    if (folder / "pack").exists():
        read_pack(folder / "pack")  # figures of a model are none of one that was altered since
    if json_output:
        print_json(last.to_dict())
        return
    if isinstance(last, FleetReport):
        print_fleet(last, standard_output())
        say(f"Report: {folder / 'report.html'}")
        return
    files = write_reports(last, folder)
    print_report(last, standard_output())
    say(f"Report: {files.html}")
