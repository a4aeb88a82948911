"""`edgepack export`: the model in the form somebody's build wants."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgepack.cli.completion import FORMS, boards, codings, cpus, forms
from edgepack.cli.options import DataPath, Json, Out, Overrides, ProjectPath, Quiet, Trust, Weights


def export(
    source: ProjectPath,
    form: Annotated[str, typer.Option("--as", help=f"The form: {', '.join(FORMS)}.", autocompletion=forms)],
    out: Out = None,
    name: Annotated[str | None, typer.Option("--name", help="The name in C (default: the project's or file's).")] = None,
    cpu: Annotated[
        str | None,
        typer.Option("--cpu", help="The processor the C code is for, for example cortex-m4.", autocompletion=cpus),
    ] = None,
    board: Annotated[str | None, typer.Option("--board", help="The board of a firmware project.", autocompletion=boards)] = None,
    optimize: Annotated[str, typer.Option("--optimize", help="The C code is for speed, size or balanced.")] = "balanced",
    overlay_input: Annotated[
        bool, typer.Option("--overlay-input", help="The C code's input lies in the arena and is overwritten: less memory in all.")
    ] = False,
    runtime: Annotated[
        str,
        typer.Option("--runtime", help="What a package holds: c, the generated C; tflm, the model for TensorFlow Lite Micro."),
    ] = "c",
    coding: Annotated[
        str | None,
        typer.Option(
            "--coding",
            metavar="[auto|off|smallest|CODE]",
            help="Weights stored in codes and decoded in every run: auto (what is worth it), off, smallest, or one code. "
            "Without it auto for C code, off for TensorFlow Lite Micro; without a word auto.",
            autocompletion=codings,
        ),
    ] = None,
    encrypt: Annotated[
        Path | None,
        typer.Option(
            "--encrypt",
            metavar="KEYFILE",
            help="C code whose weights lie encrypted in flash (AES-128 in counter mode): a file of 16 bytes, or 32 hexadecimal "
            "digits. The firmware gives a function that decrypts; the key is in no generated file.",
        ),
    ] = None,
    sign: Annotated[
        Path | None,
        typer.Option("--sign", help="The key of an image: of `edgepack keys new` for ota-image, imgtool's .pem for mcuboot."),
    ] = None,
    image_version: Annotated[
        int | None, typer.Option("--image-version", help="The number of an image; devices take larger ones only.")
    ] = None,
    base: Annotated[
        Path | None, typer.Option("--base", help="The .image of the release before: the update is a patch where that is smaller.")
    ] = None,
    program: Annotated[
        Path | None, typer.Option("--program", help="What an image holds: the linked program (.bin) instead of the .tflite.")
    ] = None,
    version: Annotated[str, typer.Option("--version", help="The package's version, for package managers.")] = "1.0.0",
    data: DataPath = None,
    weights: Weights = None,
    trust: Trust = False,
    overrides: Overrides = None,
    json_output: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a model's code or files for another build: an array, C code, a firmware project, an Android app's asset.

    A project is compressed and converted first (from its cache when nothing changed); a .tflite is taken as it is.
    """
    import edgepack
    from edgepack.cli.output import print_json, say_written

    files = edgepack.export(
        source,
        form,
        out=out,
        name=name,
        cpu=cpu,
        board=board,
        optimize=optimize,
        overlay_input=overlay_input,
        runtime=runtime,
        coding=coding,
        encrypt=encrypt,
        version=version,
        sign=sign,
        image_version=image_version,
        base=base,
        program=program,
        data=data,
        weights=weights,
        trust=trust,
        settings=overrides or (),
        quiet=quiet,
    )
    if json_output:
        print_json([str(file) for file in files])
    else:
        say_written(files)
