"""`edgepack deploy`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgepack.cli.options import (
    DataPath,
    DeviceAddress,
    Json,
    NoCache,
    Out,
    Overrides,
    ProjectPath,
    Quiet,
    TargetName,
    Verbose,
    Weights,
)


def deploy(
    project: ProjectPath,
    target: TargetName = "cortex-m4",
    overrides: Overrides = None,
    data: DataPath = None,
    weights: Weights = None,
    device: DeviceAddress = None,
    out: Out = None,
    no_cache: NoCache = False,
    require_hardware: Annotated[
        bool,
        typer.Option("--require-hardware", help="Exit 1 unless every budget was measured on the target's own hardware."),
    ] = False,
    zip_file: Annotated[Path | None, typer.Option("--zip", help="Also write the pack as one .zip file.")] = None,
    json_output: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Compress, convert, deploy, measure and judge a project, or a ready .tflite, on a target.

    Finished stages are kept: an unchanged run costs no training, a stopped run goes on where it was. The pack, report.html,
    report.json and junit.xml are written to build/TARGET in the project.

    Exit: 0 every budget met; 1 a budget missed, or not measured on the real device; 2 usage, project or target file;
    3 model, data or recipe; 4 device; 5 a tool is missing.
    """
    from edgepack.cli.output import print_json, setup_verbose
    from edgepack.pipeline import Request, run_deploy
    from edgepack.progress import choose_progress

    setup_verbose(verbose)
    outcome = run_deploy(
        Request(
            project=project,
            target=target,
            overrides=tuple(overrides or ()),
            data=data,
            weights=weights,
            device=device,
            out=out,
            use_cache=not no_cache,
            require_hardware=require_hardware,
            zip_file=zip_file,
        ),
        choose_progress(quiet),
    )
    if json_output:
        print_json(outcome.report)
    else:
        from rich.console import Console

        from edgepack.report import print_report

        print_report(outcome.report, Console())
        typer.echo(f"Report: {outcome.folder / 'report.html'}")
    raise typer.Exit(outcome.exit_code)
