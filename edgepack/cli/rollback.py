"""`edgepack rollback`: the release before."""

from __future__ import annotations

from typing import Annotated

import typer

from edgepack.cli.options import (
    DeviceAddress,
    Inventory,
    Json,
    Limit,
    Overrides,
    ProjectPath,
    Quiet,
    TargetName,
    Verbose,
    Workers,
)


def rollback(
    project: ProjectPath,
    target: TargetName = "rpi",
    to: Annotated[str | None, typer.Option("--to", help="A release's id, as `edgepack device releases` lists them.")] = None,
    device: DeviceAddress = None,
    inventory: Inventory = None,
    limit: Limit = None,
    workers: Workers = 8,
    overrides: Overrides = None,
    json_output: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Switch devices back to the release before the current one, after checking that release's files on the device."""
    from edgepack.cli.output import print_managed, setup_verbose
    from edgepack.pipeline import Request, run_rollback
    from edgepack.progress import choose_progress

    setup_verbose(verbose)
    request = Request(
        project=project,
        target=target,
        device=device,
        overrides=tuple(overrides or ()),
        inventory=inventory,
        limit=limit,
        workers=workers,
    )
    found = run_rollback(request, choose_progress(quiet), to)
    raise typer.Exit(
        print_managed(
            found, json_output, lambda done: f"{done.path}: release {done.release} is current again (was {done.replaced})"
        )
    )
