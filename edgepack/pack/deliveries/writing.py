"""Writing a delivery's files, with one error for what cannot be written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from edgepack.ground.errors import EdgepackError
from edgepack.ground.files import atomic_folder, write_atomic


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """A block that writes below `folder`.

    Raises:
        EdgepackError: EP-252 when something there cannot be written.
    """
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise EdgepackError("EP-252", f"cannot write to {folder}: {why}", "choose another folder with -o") from error


def write_beside(folder: Path, files: Mapping[str, str | bytes] | Mapping[str, str]) -> tuple[Path, ...]:
    """Write `files` by name into a folder that may hold others; their paths. Raises EP-252 as `writing_to`."""
    with writing_to(folder):
        for name, content in files.items():
            write_atomic(folder / name, content)
    return tuple(folder / name for name in files)


def write_whole(folder: Path, files: Mapping[str, str | bytes]) -> tuple[Path, ...]:
    """Make `folder` hold `files` by name and nothing else; their paths, sorted. Raises OSError."""
    with atomic_folder(folder) as temporary:
        for name, content in files.items():
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    return tuple(folder / name for name in sorted(files))
