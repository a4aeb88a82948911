"""A model in the form that another build wants: built first where it has to be."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from edgepack.coding import SETTINGS, check_coding
from edgepack.compile.encrypted import read_key
from edgepack.ground.errors import ProjectError
from edgepack.ground.progress import Progress
from edgepack.pack.deliveries.form import Form, ImageSigner, Options
from edgepack.pack.deliveries.registry import FORMS
from edgepack.pack.deliveries.writing import writing_to
from edgepack.pipeline.build import build
from edgepack.pipeline.request import Request, prepare
from edgepack.project import c_identifier
from edgepack.signing import read_secret_key
from edgepack.signing.password import SIGN, password_of
from edgepack.signing.sign import image_signature

RUNTIMES = ("c", "tflm")


def run_export(
    request: Request, form: str, folder: Path | None, name: str | None, options: Options, progress: Progress
) -> tuple[Path, ...]:
    """Write a model in the wanted form; a project is built first, from its cache when nothing changed.

    Args:
        request: The project or the .tflite; its target is of no account.
        folder, name: Where to, and under which name; None takes the project's.
        options: What the form may be told; what is known of the data comes from the project.

    Raises:
        ProjectError: EP-168 for an unknown form, EP-170 for a runtime, a coding or an encryption that it has not; EP-715 for
            a file that holds no key; what the rooms say.
        EdgepackError: EP-252 when the folder cannot be written. Other files in it are left alone.
    """
    wanted = _form(form, options)
    options = replace(options, note=progress.note, signer=_signer(wanted, options))
    wanted.check(options)
    plan = prepare(request, progress)
    model = request.project if isinstance(request.project, Path) else Path()
    called = name or plan.project.name
    if wanted.holds_model:
        called = c_identifier(called)
        if model.suffix != ".tflite":
            built = build(plan, progress)
            for warning in built.warnings:
                progress.warn(warning)
            model = built.model
            if built.data is not None:
                options = replace(options, class_names=built.data.class_names, preprocessing=built.data.preprocessing)
    where = folder or plan.out.parent / "export" / wanted.name
    with writing_to(where):
        return wanted.write(model, called, where, options)


def _form(name: str, options: Options) -> Form:
    runtime = options.runtime
    if name not in FORMS:
        raise ProjectError("EP-168", f"unknown form {name!r}", f"use one of {', '.join(FORMS)}")
    if runtime not in RUNTIMES:
        raise ProjectError("EP-170", f"unknown runtime {runtime!r}", f"use one of {', '.join(RUNTIMES)}")
    form = FORMS[name]
    if runtime == "tflm" and not form.tflm:
        others = ", ".join(other.name for other in FORMS.values() if other.tflm)
        raise ProjectError("EP-170", f"--as {form.name} has no form for TensorFlow Lite Micro", f"use one of {others}")
    if options.coding is not None:
        _check_coding(form, "tflm" if form.name == "tflm" else runtime, options.coding)
    if options.encrypt is not None:
        _check_encrypt(form, options.encrypt)
    return form


def _check_encrypt(form: Form, key: Path) -> None:
    """Whether the form can have encrypted weights, and that there is a key."""
    if not form.encrypts:
        others = ", ".join(other.name for other in FORMS.values() if other.encrypts)
        raise ProjectError(
            "EP-170", f"--as {form.name} has no encrypted weights: nothing in it decrypts them", f"use one of {others}"
        )
    read_key(key)


def _signer(form: Form, options: Options) -> ImageSigner | None:
    """The key of an image that is signed as minisign does it; nothing that is given for images is ignored by another form."""
    given = {
        "--sign": options.key_file,
        "--image-version": options.image_version,
        "--base": options.base,
        "--program": options.program,
    }
    for option, value in given.items():
        if value is not None and not (form.minisign or (form.signs and option != "--base")):
            others = ", ".join(other.name for other in FORMS.values() if other.minisign or (other.signs and option != "--base"))
            raise ProjectError("EP-176", f"--as {form.name} has no {option}", f"use it with --as {others}")
    if options.key_file is None or not form.minisign:
        return None
    key = read_secret_key(options.key_file, partial(password_of, options.key_file, SIGN))
    return ImageSigner(key.public.number, key.public.key, partial(image_signature, key))


def _check_coding(form: Form, runtime: str, coding: str) -> None:
    """Whether the form has such codes."""
    check_coding(coding)
    if coding == "off":
        return
    if runtime == "tflm" and coding not in SETTINGS:
        hint = "use --coding auto, or generated C, whose decoders edgepack writes"
        raise ProjectError("EP-170", f"TensorFlow Lite Micro has no code {coding}: it chooses among its own", hint)
    if not form.c and not form.tflm:
        others = ", ".join(other.name for other in FORMS.values() if other.c or other.tflm)
        raise ProjectError(
            "EP-170", f"--as {form.name} has no weights in codes: nothing in it decodes them", f"use one of {others}"
        )
