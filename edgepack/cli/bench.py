"""`edgepack bench`: measure one model on one target, or compare two, without a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgepack.cli.options import DeviceAddress, Json, Overrides, Quiet, TargetName, Verbose
from edgepack.ground.errors import ProjectError

Models = Annotated[
    list[Path],
    typer.Argument(help="A .tflite, or a project folder or Keras file (its last deployed model); two of them to compare them."),
]


def bench(
    models: Models,
    target: TargetName = "cortex-m4",
    device: DeviceAddress = None,
    threads: Annotated[str | None, typer.Option("--threads", help="Threads, or auto (default: the target's).")] = None,
    engine: Annotated[
        list[str] | None, typer.Option("--engine", help="The engine (default: the target's); twice to compare two engines.")
    ] = None,
    runs: Annotated[int | None, typer.Option("--runs", min=1, help="Timed runs (default: the target's).")] = None,
    seconds: Annotated[float, typer.Option("--seconds", min=1, max=3600, help="How long two models take turns.")] = 10.0,
    per_layer: Annotated[
        bool,
        typer.Option("--per-layer", help="Also each layer: its time (engines c, tflite-c; benchmark_model) or instructions."),
    ] = False,
    overrides: Overrides = None,
    json_output: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Measure a model's latency and memory on a target and compare its outputs with the reference kernels; judges nothing.

    Given two models, or two engines, they run in turns and the ratio of their latencies is told with its 95 % interval.
    """
    import edgepack
    from edgepack.cli.output import print_json, say, setup_verbose

    setup_verbose(verbose)
    engines = engine or []
    comparing = len(models) == 2 or len(engines) == 2
    if len(models) > 2 or len(engines) > 2:
        raise ProjectError("EP-100", "two models or two engines are compared at a time", "give two of them")
    if comparing and per_layer:
        raise ProjectError(
            "EP-100", "--per-layer is for one model with one engine", "leave it out, or measure one after the other"
        )
    one_engine = engines if len(engines) == 1 else []
    settings = (("threads", threads), ("runs", runs), *(("engine", name) for name in one_engine))
    extra = [f"device.{key}={value}" for key, value in settings if value is not None]
    changes = (*(overrides or ()), *extra)
    from edgepack.report import print_comparison, print_layer_times, print_measurements, standard_output

    if comparing:
        compared = edgepack.compare(
            models[0],
            models[-1],
            engines=(engines[0], engines[1]) if len(engines) == 2 else None,
            target=target,
            settings=changes,
            device=device,
            seconds=seconds,
            quiet=quiet,
        )
        if json_output:
            print_json(compared)
        else:
            print_comparison(compared, standard_output())
        return
    result = edgepack.bench(models[0], target=target, settings=changes, device=device, per_layer=per_layer, quiet=quiet)
    if json_output:
        print_json(result)
        return
    print_measurements(result.measurements, standard_output())
    if result.layers is not None:
        print_layer_times(result.layers, standard_output())
    if per_layer and result.result is not None:
        for layer, instructions in result.result.per_layer.items():
            say(f"{instructions:>14,}  {layer}")
