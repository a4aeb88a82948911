"""A new project: the files of template/ with a name, a sample, or an edgepack.toml around a model that is there already."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from string import Template

from edgepack.ground.errors import ProjectError
from edgepack.ground.escape import toml_string
from edgepack.ground.files import write_atomic
from edgepack.project.check import suggest
from edgepack.project.model_file import is_keras_model, is_model
from edgepack.project.names import check_name, derive_name
from edgepack.project.packaged import packaged_folder

FILES = ("edgepack.toml", "model.py", "data.py", "README.md")

_TEMPLATE = Path(__file__).parent / "template"
_AROUND = Path(__file__).parent / "template_around"


def write_template(folder: Path, name: str | None = None) -> tuple[Path, ...]:
    """Write a small project that works as it is into `folder`, which may exist; returns the files.

    `name` is the project's; by default it is made from the folder's.

    Raises:
        ProjectError: EP-105 for an unusable name, EP-110 when a file is already there or cannot be written. In every case
            nothing is left behind.
    """
    called = _checked_name(folder, name)
    texts = {file: (_TEMPLATE / file).read_text(encoding="utf-8") for file in FILES}
    return _write(folder, {file: text if file.endswith(".py") else _filled(text, name=called) for file, text in texts.items()})


def write_around(folder: Path, model: Path, data: Path | None, name: str | None = None) -> tuple[Path, ...]:
    """Write an edgepack.toml around a trained Keras model or a .tflite, which stays where it is; returns the files.

    `data` is an .npz or a folder of images; without it the table [data] is written as a comment.

    Raises:
        ProjectError: EP-166 when a file does not exist, EP-105, EP-110 as `write_template`, EP-117 for what is no model.
    """
    for what, path in (("--model", model), ("--data", data)):
        if path is not None and not path.exists():
            raise ProjectError("EP-166", f"{what}: there is no file {path}", "check the path")
    if not is_model(model):
        hint = "give a .keras, .h5 or .tflite, or a SavedModel folder"
        raise ProjectError("EP-117", f"--model: {model} is not called like a model that edgepack reads", hint)
    called = _checked_name(folder, name)
    with_data = "data" if data is not None else "no-data"
    parts = ("model", "custom-objects", with_data, "recipe") if is_keras_model(model) else ("model", with_data)
    text = "\n".join((_AROUND / f"{part}.toml").read_text(encoding="utf-8") for part in parts)
    sources = {"model": _from(folder, model), "data": _from(folder, data) if data is not None else ""}
    return _write(folder, {"edgepack.toml": _filled(text, name=called, **sources)})


def write_sample(folder: Path, sample: str) -> tuple[Path, ...]:
    """Write one of the sample projects, such as "digits", into `folder`, which may exist; returns the files.

    Raises:
        ProjectError: EP-118 for an unknown sample, EP-110 as `write_template`.
    """
    samples = packaged_folder("sample_models")
    known = samples_known()
    if sample not in known:
        raise ProjectError("EP-118", f"there is no sample {sample!r}", suggest(sample, known, "known samples:"))
    files = sorted(file for file in (samples / sample).rglob("*") if file.suffix in (".py", ".toml", ".md"))
    files = [file for file in files if not {"build", ".edgepack"} & set(file.relative_to(samples / sample).parts)]
    texts = {str(file.relative_to(samples / sample)): file.read_text(encoding="utf-8") for file in files}
    return _write(folder, texts)


def samples_known() -> tuple[str, ...]:
    """The names of the sample projects that come with edgepack."""
    return tuple(sorted(file.parent.name for file in packaged_folder("sample_models").glob("*/edgepack.toml")))


def _checked_name(folder: Path, name: str | None) -> str:
    if name is None:
        name = derive_name(folder.resolve().name)
    try:
        check_name(name)
    except ValueError as error:
        raise ProjectError("EP-105", f"--name: {error}", f"for example --name {derive_name(name)}") from error
    return name


def _from(folder: Path, path: Path) -> str:
    """How an edgepack.toml in `folder` names a file: from the folder when it is inside it, else by its whole path."""
    whole = path.resolve()
    inside = whole.is_relative_to(folder.resolve())
    return whole.relative_to(folder.resolve()).as_posix() if inside else str(whole)


def _filled(text: str, **words: str) -> str:
    """A template's text, each word as the content of a TOML string."""
    return Template(text).substitute({key: toml_string(word)[1:-1] for key, word in words.items()})


def _write(folder: Path, texts: Mapping[str, str]) -> tuple[Path, ...]:
    """Write files that are not there yet, all or none."""
    files = {folder / file: text for file, text in texts.items()}
    for file in files:
        if os.path.lexists(file):
            raise ProjectError("EP-110", f"{file} exists already", "give another folder; edgepack init overwrites nothing")
    folders = [one for one in {*(file.parent for file in files)} if not one.exists()]
    written: list[Path] = []
    try:
        for file, text in files.items():
            write_atomic(file, text)
            written.append(file)
    except OSError as error:
        for file in written:
            file.unlink(missing_ok=True)
        for made in sorted(folders, reverse=True):
            if made.is_dir() and not any(made.iterdir()):
                made.rmdir()
        hint = "give a folder that can be written to"
        raise ProjectError("EP-110", f"cannot write {error.filename or folder}: {error.strerror}", hint) from error
    return tuple(files)
