"""`edgepack.export`: the model in the form that somebody's build wants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgepack.api.inputs import Steps, as_request
from edgepack.api.settings import File, Settings
from edgepack.ground.private import private_files
from edgepack.ground.progress import choose_progress
from edgepack.pack.deliveries.form import Options
from edgepack.pipeline.export import run_export
from edgepack.project import Project


@private_files()
def export(
    project: File | Project | None = None,
    form: str = "c",
    *,
    model: Any = None,
    data: Any = None,
    recipe: Steps | None = None,
    out: File | None = None,
    name: str | None = None,
    cpu: str | None = None,
    board: str | None = None,
    optimize: str = "balanced",
    overlay_input: bool = False,
    runtime: str = "c",
    coding: str | bool | None = None,
    encrypt: File | None = None,
    version: str = "1.0.0",
    sign: File | None = None,
    image_version: int | None = None,
    base: File | None = None,
    program: File | None = None,
    settings: Settings = (),
    weights: File | None = None,
    trust: bool = False,
    folder: File | None = None,
    quiet: bool = False,
) -> tuple[Path, ...]:
    """Write a model's code or files for another build; a project is compressed and converted first, a .tflite taken as it is.

    Args:
        project, model, data, recipe, settings, weights, trust, folder, quiet: As for `edgepack.deploy`.
        form: "c", "c-array", "tflm", "firmware", "arduino", "platformio", "zephyr", "esp-idf", "cmsis-pack", "android",
            "systemd", "ota", "ota-image" or "mcuboot".
        out: The folder that is written to; by default build/export/FORM.
        name: The name in C; by default the project's or the file's.
        cpu: The core that C code is for, such as "cortex-m4".
        board: The board of a firmware project.
        optimize: C code for "speed", "size" or "balanced".
        overlay_input: C code whose input lies in the arena and is overwritten by a run: less memory in all.
        runtime: What a package holds: "c", the generated code; "tflm", the model for TensorFlow Lite Micro.
        coding: Which weights are stored in codes and decoded in every run. In generated C "auto" (what is worth it; so without
            it), "off", "smallest" (all that becomes smaller), or the name of a code, such as "palette". For TensorFlow Lite
            Micro "auto" or True (those that its operator DECODE reads, where that makes the file smaller) or "off" (so without
            it).
        encrypt: A file with a key, 16 bytes or 32 hexadecimal digits: the constants of C code (form "c") are then encrypted with
            AES-128 in counter mode, and the firmware decrypts them in every run.
        version: A package's version, and that of an image for MCUboot.
        sign: The key of an image: edgepack's or minisign's for "ota-image", imgtool's for "mcuboot".
        image_version: The number of an image, from 1 on; devices take larger ones only.
        base: The .image of the release before, for a patch.
        program: What an image holds: a linked program instead of the .tflite.

    Returns:
        The files that were written.

    Raises:
        ProjectError: EP-168 for an unknown form, EP-170 for a runtime, a coding or an encryption that it has not, EP-710 for an
            unknown code, EP-715 for a file that holds no key; EP-173 to EP-178 for an image, EP-190 to EP-192 for its key.
        EdgepackError: EP-252 when the folder cannot be written; what else keeps the model from being made.
    """
    request = as_request(
        project, model=model, data=data, recipe=recipe, settings=settings, weights=weights, trust=trust, name=name, folder=folder
    )
    options = Options(
        cpu=cpu,
        board=board,
        optimize=optimize,
        overlay_input=overlay_input,
        encrypt=None if encrypt is None else Path(encrypt),
        version=version,
        key_file=None if sign is None else Path(sign),
        image_version=image_version,
        base=None if base is None else Path(base),
        program=None if program is None else Path(program),
        runtime=runtime,
        coding=("auto" if coding else "off") if isinstance(coding, bool) else coding,
    )
    return run_export(request, form, None if out is None else Path(out), name, options, choose_progress(quiet))
