"""Seals: what the files of something stored held when it was made, so that what was damaged since is not used."""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from edgepack.ground.files import canonical_json, hash_of, sha256_file, write_atomic
from edgepack.ground.foreign import parse_json, read_regular

NAME = "seal.json"
SEAL_SUFFIX = ".sha256"

_LARGEST = 64 << 20  # bytes of a seal
# A file changed less than this ago (seconds) may change again without a new time of change: file systems count in steps.
_SETTLED = 2.0


def seal(folder: Path, name: str) -> None:
    """Record in `folder` the size and SHA-256 of every file below it; `name` is what the folder will be called.

    Raises:
        OSError: a file cannot be read, or the seal not written.
    """
    _write(folder, name, {file.relative_to(folder).as_posix(): _record(file, sha256_file(file)) for file in _files(folder)})


def damage(folder: Path, name: str, thorough: bool = False) -> str:
    """Why `folder` is not what was sealed under `name`, in a few words; "" when it is.

    A file whose size, time of change, time of modification and inode are those of the last look is not read, unless
    `thorough`. Writing to a file sets its time of change, and nothing but the system's clock sets it back.
    Files that came later are none of a seal's business.
    """
    try:
        files = _read(folder, name)
    except OSError as error:
        return f"{NAME}: {error.strerror}"
    except ValueError:
        return f"{NAME} was altered, or is another's"
    looked = {}
    for relative, known in files.items():
        try:
            record = _look(folder / relative, known, thorough)
        except OSError as error:
            return f"{relative}: {error.strerror}"
        if record is None:
            return f"{relative} was altered"
        looked[relative] = record
    if looked != files:
        with suppress(OSError):  # what cannot be noted is read again the next time
            _write(folder, name, looked)
    return ""


def with_check(value: Any) -> dict[str, Any]:
    """A JSON-able value with its own hash, for a file that `checked` reads."""
    return {"sealed": value, "sha256": hash_of(value)}


def checked(found: Any) -> Any:
    """The value that `with_check` was given.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(found, dict) or "sealed" not in found or found.get("sha256") != hash_of(found["sealed"]):
        raise ValueError("it was altered")
    return found["sealed"]


def seal_file(file: Path) -> None:
    """Write the SHA-256 of a file of the user's cache beside it; what it is called there is part of it."""
    write_atomic(_beside(file), _digest(file), private=True)


def is_intact(file: Path) -> bool:
    """Whether `file` is there and what `seal_file` saw; always read whole, for such files are small."""
    try:
        return file.is_file() and read_regular(_beside(file), 1 << 10) == _digest(file).encode()
    except (OSError, ValueError):
        return False


def remove_sealed(file: Path) -> None:
    """Remove a file and its seal."""
    for one in (file, _beside(file)):
        one.unlink(missing_ok=True)


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}{SEAL_SUFFIX}")


def _digest(file: Path) -> str:
    return f"{sha256_file(file)}  {file.parent.name}/{file.name}\n"


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file() and file != folder / NAME)


def _record(file: Path, sha256: str, seen: os.stat_result | None = None) -> dict[str, Any]:
    """What is known of a file; its `stamp` is None where a change might not show in it yet. `seen` is from before it was read."""
    seen = seen or file.lstat()
    settled = max(seen.st_ctime, seen.st_mtime) < time.time() - _SETTLED
    return {"bytes": seen.st_size, "sha256": sha256, "stamp": _stamp(seen) if settled else None}


def _stamp(seen: os.stat_result) -> list[int]:
    return [seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino]


def _look(file: Path, known: dict[str, Any], thorough: bool) -> dict[str, Any] | None:
    """The record of a file that still holds what it did, None for one that does not.

    Raises:
        OSError: it cannot be read.
    """
    seen = file.lstat()
    if not stat.S_ISREG(seen.st_mode) or seen.st_size != known["bytes"]:
        return None
    if not thorough and known["stamp"] == _stamp(seen):
        return known
    sha256 = sha256_file(file)
    return _record(file, sha256, seen) if sha256 == known["sha256"] else None


def _read(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    """The sealed files by their path in `folder`.

    Raises:
        OSError, ValueError: there is no seal, it is another folder's, or it is damaged itself.
    """
    sealed = checked(parse_json(read_regular(folder / NAME, _LARGEST)))
    if sealed["name"] != name:
        raise ValueError("it is another folder's")
    files: dict[str, dict[str, Any]] = sealed["files"]
    return files


def _write(folder: Path, name: str, files: dict[str, dict[str, Any]]) -> None:
    write_atomic(folder / NAME, canonical_json(with_check({"name": name, "files": files})), private=True)
