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
    from edgepack.cli.managing import manage
    from edgepack.pipeline.manage import run_rollback

    manage(
        lambda request, progress: run_rollback(request, project, progress, to),
        lambda done: f"{done.path}: release {done.release} is current again (was {done.replaced})",
        json_output, quiet, verbose, overrides,
        target=target, device=device, inventory=inventory, limit=limit, workers=workers,
    )  # fmt: skip
