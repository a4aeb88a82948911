"""`edgepack uninstall`: off the device."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgepack.cli.options import DeviceAddress, Inventory, Json, Limit, Overrides, Quiet, TargetName, Verbose, Workers


def uninstall(
    project: Annotated[Path, typer.Argument(help="A project folder, a .tflite file, or the name under which it was deployed.")],
    target: TargetName = "rpi",
    device: DeviceAddress = None,
    inventory: Inventory = None,
    limit: Limit = None,
    workers: Workers = 8,
    overrides: Overrides = None,
    json_output: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Remove a project from devices: all its releases, and with the last project everything that edgepack brought there."""
    from edgepack.cli.managing import manage
    from edgepack.pipeline.manage import run_uninstall

    manage(
        lambda request, progress: run_uninstall(request, project, progress),
        lambda done: (
            f"{done.name}: {done.releases} release{'' if done.releases == 1 else 's'} removed,"
            f" {done.freed / 1e6:.1f} MB freed{', nothing is left' if done.root_removed else f' below {done.root}'}"
        ),
        json_output, quiet, verbose, overrides,
        target=target, device=device, inventory=inventory, limit=limit, workers=workers,
    )  # fmt: skip
