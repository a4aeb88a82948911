"""`edgepack bench`: measure one model on one target, without a project."""

from __future__ import annotations

from typing import Annotated

import typer

from edgepack.cli.options import DeviceAddress, Json, Overrides, ProjectPath, Quiet, TargetName, Verbose


def bench(
    model: ProjectPath,
    target: TargetName = "cortex-m4",
    device: DeviceAddress = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Threads (default: the target's).")] = None,
    runs: Annotated[int | None, typer.Option("--runs", min=1, help="Timed runs (default: the target's).")] = None,
    per_layer: Annotated[bool, typer.Option("--per-layer", help="Instructions of each layer (microcontrollers).")] = False,
    overrides: Overrides = None,
    json_output: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Measure a model's latency and memory on a target and compare its outputs with the reference kernels; judges nothing.

    Given a project, its last deployed model is measured.
    """
    from edgepack.cli.output import print_json, setup_verbose
    from edgepack.pipeline import Request, run_bench
    from edgepack.progress import choose_progress

    setup_verbose(verbose)
    extra = [f"device.{key}={value}" for key, value in (("threads", threads), ("runs", runs)) if value is not None]
    request = Request(project=model, target=target, device=device, overrides=(*(overrides or ()), *extra))
    result = run_bench(request, choose_progress(quiet))
    counted = getattr(result, "result", None)
    if json_output:
        print_json(counted if counted is not None else result)
        return
    from rich.console import Console

    from edgepack.report import print_measurements

    print_measurements(result.measurements, Console())
    if per_layer and counted is not None:
        for layer, instructions in counted.per_layer.items():
            typer.echo(f"{instructions:>14,}  {layer}")
