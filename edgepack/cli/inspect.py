"""`edgepack inspect`: what is in a .tflite file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgepack.cli.completion import codings, cpus
from edgepack.cli.options import Json


def inspect(
    model: Annotated[Path, typer.Argument(help="A .tflite file, or a project folder (its last deployed model).")],
    coding: Annotated[
        str | None,
        typer.Option(
            "--coding",
            metavar="[auto|off|smallest|CODE]",
            help="Show instead what the weights take in every code, which one C code takes, and why. Without a word auto.",
            autocompletion=codings,
        ),
    ] = None,
    cpu: Annotated[
        str, typer.Option("--cpu", help="With --coding: the processor the C code is for.", autocompletion=cpus)
    ] = "generic",
    optimize: Annotated[str, typer.Option("--optimize", help="With --coding: speed, size or balanced.")] = "balanced",
    json_output: Json = False,
) -> None:
    """Show each layer's operator, shapes, MACs, bytes, zeros, distinct values, entropy and quantization, and the totals."""
    import edgepack
    from edgepack.cli.output import print_json

    if coding is not None:
        table = edgepack.inspect_coding(model, cpu=cpu, optimize=optimize, coding=coding)
        if json_output:
            print_json(table)
            return
        from edgepack.report import print_coding, standard_output

        print_coding(table, standard_output())
        return
    inspection = edgepack.inspect(model)
    if json_output:
        print_json(inspection)
        return
    from edgepack.report import print_inspection, standard_output

    print_inspection(inspection, standard_output())
