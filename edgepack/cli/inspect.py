"""`edgepack inspect`: what is in a .tflite file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgepack.cli.options import Json


def inspect(
    model: Annotated[Path, typer.Argument(help="A .tflite file, or a project folder (its last deployed model).")],
    json_output: Json = False,
) -> None:
    """Show each layer's operator, shapes, MACs, bytes, zeros, distinct values, entropy and quantization, and the totals."""
    import edgepack
    from edgepack.cli.output import print_json

    inspection = edgepack.inspect(model)
    if json_output:
        print_json(inspection)
        return
    from edgepack.report import print_inspection, standard_output

    print_inspection(inspection, standard_output())
