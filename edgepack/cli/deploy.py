"""`edgepack deploy`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from edgepack.cli.options import (
    DataPath,
    DeviceAddress,
    FloatFile,
    Inventory,
    Json,
    Limit,
    NoCache,
    Out,
    Overrides,
    ProjectPath,
    Quiet,
    TargetName,
    Trust,
    Verbose,
    VerifyCache,
    Weights,
    Workers,
)

OnFailure = Literal["rollback", "stop", "continue"]


def deploy(
    project: ProjectPath,
    target: TargetName = "cortex-m4",
    overrides: Overrides = None,
    data: DataPath = None,
    weights: Weights = None,
    trust: Trust = False,
    float_model: FloatFile = None,
    device: DeviceAddress = None,
    out: Out = None,
    no_cache: NoCache = False,
    verify_cache: VerifyCache = False,
    require_hardware: Annotated[
        bool,
        typer.Option("--require-hardware", help="Exit 1 unless every budget was measured on the target's own hardware."),
    ] = False,
    zip_file: Annotated[Path | None, typer.Option("--zip", help="Also write the pack as one .zip file.")] = None,
    per_layer: Annotated[
        bool,
        typer.Option("--per-layer", help="Also the time of each layer, in the report (engines c, tflite-c; benchmark_model)."),
    ] = False,
    sign: Annotated[
        Path | None, typer.Option("--sign", help="Sign the pack with this secret key (`edgepack keys new`, or minisign's).")
    ] = None,
    endorse: Annotated[
        Path | None,
        typer.Option("--endorse", help="The secret key that devices trust until now: the key of --sign takes its place there."),
    ] = None,
    inventory: Inventory = None,
    limit: Limit = None,
    canary: Annotated[
        int, typer.Option("--canary", min=0, help="Deploy to this many devices first, and go on if all is well.")
    ] = 0,
    batch: Annotated[int, typer.Option("--batch", min=0, help="Then to groups of this many (0: all others together).")] = 0,
    workers: Workers = 8,
    on_failure: Annotated[
        OnFailure, typer.Option("--on-failure", help="When a device computes something wrong or misses a budget.")
    ] = "rollback",
    json_output: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Compress, convert, deploy, measure and judge a project, or a ready .tflite, on a target.

    Finished stages are kept: an unchanged run costs no training, a stopped run goes on where it was. The pack, report.html,
    report.json and junit.xml are written to build/TARGET in the project.

    Several devices (--inventory, or addresses in the target's profile) are deployed to in parallel, the canaries first; when
    outputs are wrong or a budget is missed, the roll-out stops and every device goes back to the release it had.

    A device that was deployed to with --sign remembers the key and refuses what is not signed with it, or older than what it had.

    Exit: 0 every budget met; 1 a budget missed, or not measured on the real device; 2 usage, project or target file;
    3 model, data or recipe; 4 device; 5 a tool is missing. Of several devices the worst.
    """
    import edgepack
    from edgepack.cli.output import print_json, say, setup_verbose

    setup_verbose(verbose)
    report = edgepack.deploy(
        project,
        target=target,
        settings=overrides or (),
        data=data,
        weights=weights,
        trust=trust,
        float_model=float_model,
        device=device,
        out=out,
        cache=not no_cache,
        verify_cache=verify_cache,
        require_hardware=require_hardware,
        zip_file=zip_file,
        per_layer=per_layer,
        sign=sign,
        endorse=endorse,
        inventory=inventory,
        limit=limit,
        canary=canary,
        batch=batch,
        workers=workers,
        on_failure=on_failure,
        quiet=quiet,
    )
    if json_output:
        print_json(report.to_dict())
    else:
        from edgepack.report import FleetReport, print_fleet, print_report, standard_output

        if isinstance(report, FleetReport):
            print_fleet(report, standard_output())
        else:
            print_report(report, standard_output())
        say(f"Report: {Path(report.folder or '.') / 'report.html'}")
    raise typer.Exit(report.exit_code)
