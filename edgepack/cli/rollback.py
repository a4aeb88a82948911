"""`edgepack rollback`: the release before."""

from __future__ import annotations

import typer

from edgepack.cli.options import DeviceAddress, Json, Overrides, ProjectPath, Quiet, TargetName, Verbose


def rollback(
    project: ProjectPath,
    target: TargetName = "rpi",
    device: DeviceAddress = None,
    overrides: Overrides = None,
    json_output: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Switch the device back to the release before the current one, after checking that release's files on the device."""
    from edgepack.cli.output import print_json, setup_verbose
    from edgepack.pipeline import Request, run_rollback
    from edgepack.progress import choose_progress

    setup_verbose(verbose)
    request = Request(project=project, target=target, device=device, overrides=tuple(overrides or ()))
    result = run_rollback(request, choose_progress(quiet))
    if json_output:
        print_json(result)
    else:
        typer.echo(f"{result.path}: release {result.release} is current again (was {result.replaced})")
