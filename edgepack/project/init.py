"""A new project: the files of template/, with a name."""

from __future__ import annotations

from pathlib import Path
from string import Template

from edgepack.ground.errors import ProjectError
from edgepack.ground.files import write_atomic
from edgepack.project.names import check_name, derive_name

FILES = ("edgepack.toml", "model.py", "data.py", "README.md")

_TEMPLATE = Path(__file__).parent / "template"


def write_template(folder: Path, name: str | None = None) -> tuple[Path, ...]:
    """Write a small project that works as it is into `folder`, which may exist; returns the files.

    `name` is the project's; by default it is made from the folder's.

    Raises:
        ProjectError: EP-105 for an unusable name, EP-110 when a file is already there or cannot be written. In every case
            nothing is left behind.
    """
    if name is None:
        name = derive_name(folder.resolve().name)
    try:
        check_name(name)
    except ValueError as error:
        raise ProjectError("EP-105", f"--name: {error}", f"for example --name {derive_name(name)}") from error
    files = tuple(folder / file for file in FILES)
    for file in files:
        if file.exists() or file.is_symlink():
            raise ProjectError("EP-110", f"{file} exists already", "give another folder; edgepack init overwrites nothing")
    is_new = not folder.exists()
    written: list[Path] = []
    try:
        for file in files:
            text = (_TEMPLATE / file.name).read_text(encoding="utf-8")
            write_atomic(file, Template(text).substitute(name=name) if file.suffix != ".py" else text)
            written.append(file)
    except OSError as error:
        for file in written:
            file.unlink(missing_ok=True)
        if is_new and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        hint = "give a folder that can be written to"
        raise ProjectError("EP-110", f"cannot write {error.filename or folder}: {error.strerror}", hint) from error
    return files
