"""`edgepack fit`: which targets a model fits, and what would make it fit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgepack.cli.completion import targets
from edgepack.cli.options import Json, Quiet, Verbose


def fit(
    model: Annotated[Path, typer.Argument(help="A .tflite, or a project folder or Keras file (its last deployed model).")],
    target: Annotated[
        str,
        typer.Option(
            "--target", "-t", metavar="all|NAME,NAME…", help="The targets, by name or .toml file.", autocompletion=targets
        ),
    ] = "all",
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change every target that has this setting: --set budget.flash=32KiB (repeatable)."),
    ] = None,
    json_output: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Tell in seconds which targets a model fits: flash, RAM and estimated latency, where it needs most, and what would help.

    Ends with 0 when it fits every target named, with 1 when it does not.
    """
    import edgepack
    from edgepack.cli.output import print_json, setup_verbose

    setup_verbose(verbose)
    names = [name.strip() for name in target.split(",") if name.strip()]
    found = edgepack.fit(model, targets=names, settings=overrides or (), quiet=quiet)
    if json_output:
        print_json(found)
    else:
        from edgepack.report import print_fit, standard_output

        print_fit(found, standard_output())
    raise typer.Exit(found.exit_code)
