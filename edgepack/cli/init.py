"""`edgepack init`: a project to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgepack.cli.completion import SAMPLES, samples


def init(
    folder: Annotated[Path, typer.Argument(help="The folder to make; nothing in it is overwritten.")],
    name: Annotated[str | None, typer.Option("--name", help="The project's name (default: the folder's).")] = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="A trained model (.keras, .h5, SavedModel, .tflite) to write a project around.")
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", help="With --model: its data, an .npz or a folder of images.")] = None,
    sample: Annotated[
        str | None,
        typer.Option("--from", help=f"A sample project to copy: {', '.join(SAMPLES)}.", autocompletion=samples),
    ] = None,
) -> None:
    """Write a project to start from: a small one that works as it is, a sample, or one around a model you have.

    Without --model and --from it is edgepack.toml, model.py, data.py and a README for drawings of four shapes.
    """
    import shlex

    from edgepack.cli.output import say, say_written
    from edgepack.ground.errors import ProjectError
    from edgepack.project import write_around, write_sample, write_template

    if (sample is not None and (model is not None or name is not None)) or (data is not None and model is None):
        raise ProjectError(
            "EP-100", "--from takes no --model and no --name, and --data goes with --model", "edgepack init --help"
        )
    if model is not None:
        files = write_around(folder, model, data, name)
    else:
        files = write_template(folder, name) if sample is None else write_sample(folder, sample)
    say_written(files)
    if model is not None and data is None:
        say(f"next: name the data under [data] in {files[0]}")
    say(f"next: edgepack deploy {shlex.quote(str(folder))} --target host")
