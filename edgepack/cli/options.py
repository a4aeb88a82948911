"""Options that several commands share, with one help text each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgepack.cli.completion import targets

ProjectPath = Annotated[
    Path,
    typer.Argument(
        help="A project folder (with edgepack.toml), a Keras model (.keras, .h5, SavedModel; with --data), or a ready .tflite."
    ),
]
TargetName = Annotated[
    str,
    typer.Option("--target", "-t", help="A target's name (see `edgepack targets`) or a .toml file.", autocompletion=targets),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a value of the project or target for this run: --set budget.ram=32KiB (repeatable)."),
]
DataPath = Annotated[
    Path | None,
    typer.Option("--data", envvar="EDGEPACK_DATA", help="A data file or folder, handed to the project's data source."),
]
Weights = Annotated[
    Path | None, typer.Option("--weights", help="A Keras file with trained weights; the train step is then skipped.")
]
Trust = Annotated[
    bool,
    typer.Option("--trust", help="Let a model file run its own code: Lambda layers, any function of TensorFlow. Opened apart."),
]
FloatFile = Annotated[
    Path | None,
    typer.Option("--float", help="For a ready .tflite: the float .tflite or Keras file it was made from, to compare with."),
]
DeviceAddress = Annotated[
    str | None,
    typer.Option("--device", help="The device's address (user@host[:port] for ssh), before the profile's and EDGEPACK_RPI."),
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Where results go (default: build/TARGET in the project).")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Compute every stage again.")]
VerifyCache = Annotated[
    bool, typer.Option("--verify-cache", help="Compare the content of every stored stage with its hash before it is used.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress display.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print every program that is run.")]
Inventory = Annotated[
    Path | None, typer.Option("--inventory", help="A file that names several devices: an Ansible inventory (YAML or INI).")
]
Limit = Annotated[
    str | None, typer.Option("--limit", help="Which devices of an inventory: group, host, wildcard; !leave-out, &both.")
]
Workers = Annotated[int, typer.Option("--workers", min=1, max=256, help="Devices worked on at a time.")]
