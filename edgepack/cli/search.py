"""`edgepack search`: the recipe for a target's budgets."""

from __future__ import annotations

from typing import Annotated

import typer

from edgepack.cli.options import (
    DataPath,
    Json,
    NoCache,
    Out,
    Overrides,
    ProjectPath,
    Quiet,
    TargetName,
    Trust,
    VerifyCache,
    Weights,
)


def search(
    project: ProjectPath,
    target: TargetName = "cortex-m4",
    minimise: Annotated[
        str,
        typer.Option(
            "--minimise",
            help="What is to be small, the most important first: accuracy_drop, flash, ram, latency, instructions, macs, "
            "model_size, energy.",
        ),
    ] = "accuracy_drop",
    time: Annotated[str, typer.Option("--time", help="How long to search: 1h, 20m, 90s.")] = "1h",
    trials: Annotated[
        int | None, typer.Option("--trials", min=0, help="How many trials at most; 0 runs the best one so far.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            max=4096,
            help="Trials at a time, each in its own process; a --cluster has as many as fit.",
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", help="A Ray cluster that runs the trials: ray://HOST:10001, or auto for one here."),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            "--storage", help="Where trials are kept, for several machines: sqlite:///FILE, postgresql://… (any of Optuna's)."
        ),
    ] = None,
    folds: Annotated[int, typer.Option("--folds", min=0, help="Train the winner on so many folds too, to see its spread.")] = 0,
    name: Annotated[str | None, typer.Option("--name", help="The recipe is written to recipes/found-NAME.toml.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of every random choice.")] = 0,
    status: Annotated[bool, typer.Option("--status", help="Only tell what a search has found so far, running or not.")] = False,
    overrides: Overrides = None,
    data: DataPath = None,
    weights: Weights = None,
    trust: Trust = False,
    out: Out = None,
    no_cache: NoCache = False,
    verify_cache: VerifyCache = False,
    json_output: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search for the recipe that meets a target's budgets and loses least: what to prune, remove, cluster, and how many bits.

    Trials are judged on the validation examples and on the compiled C of the target; the winner at the end on the test split.
    Written: recipes/found-NAME.toml in the project, search.json and search.html. The same command goes on after a stop (Ctrl-C
    leaves the best so far), and joins a search that runs, from this or another machine with the same --storage.

    Exit: 0 the winner meets every budget on the test split, 1 it does not; others as of deploy; 130 stopped.
    """
    import edgepack
    from edgepack.cli.output import print_json, say

    if status:
        from edgepack.search.status import read_status

        found = read_status(project, storage)
        if json_output:
            print_json(found)
        else:
            for line in (line for one in found for line in one.lines()):
                say(line)
        return
    report = edgepack.find_recipe(
        project,
        target=target,
        minimise=[word.strip() for word in minimise.split(",") if word.strip()],
        time=time,
        trials=trials,
        workers=workers,
        cluster=cluster,
        storage=storage,
        folds=folds,
        found=name,
        seed=seed,
        settings=overrides or (),
        data=data,
        weights=weights,
        trust=trust,
        out=out,
        cache=not no_cache,
        verify_cache=verify_cache,
        quiet=quiet,
    )
    if json_output:
        print_json(report)
    else:
        from edgepack.report import print_search, standard_output

        print_search(report, standard_output())
        say(f"Recipe: {report.recipe_file}")
        if report.file is not None:
            say(f"Report: {report.file.with_suffix('.html')}")
    raise typer.Exit(130 if report.stopped else report.exit_code)
