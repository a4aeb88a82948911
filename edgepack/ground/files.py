"""Writing files so that nothing is ever half-written, and hashing them."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from edgepack.ground.escape import json_text
from edgepack.ground.private import private_umask, users_umask


def sha256_bytes(data: bytes) -> str:
    """Hexadecimal SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sha256_files(files: Iterable[Path]) -> str:
    """Hexadecimal SHA-256 of several files' names and contents, in the order of their paths, each once."""
    digest = hashlib.sha256()
    for path in sorted(set(files)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys and a final newline: equal values give equal bytes."""
    return (json_text(value, indent=2, sort_keys=True) + "\n").encode()


def hash_of(value: Any) -> str:
    """SHA-256 of a JSON-able value, independent of key order."""
    return sha256_bytes(canonical_json(value))


def write_atomic(path: Path, content: bytes | str, private: bool = False) -> None:
    """Write `content` under a temporary name in the same folder, flush it to disk, then rename it to `path`.

    Its mode follows the user's umask; what is `private` is its owner's alone.
    """
    make_folder(path.parent, private)
    data = content.encode() if isinstance(content, str) else content
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with suppress(PermissionError):  # a trusted model's process may not change modes: the file stays its owner's
            os.chmod(temporary, 0o666 & ~_umask(private))
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def make_folder(folder: Path, private: bool = False) -> None:
    """Make `folder` and those it is in, where they are missing; modes as of `write_atomic`."""
    if not folder.is_dir():
        make_folder(folder.parent, private)
        mode = 0o777 & ~_umask(private)
        folder.mkdir(mode & 0o700, exist_ok=True)
        folder.chmod(mode)


def make_private(folder: Path) -> None:
    """Make `folder` for this user alone, or take from one of this user's what others may do there. Raises OSError."""
    make_folder(folder, private=True)
    found = folder.stat()
    if found.st_uid == os.geteuid():
        folder.chmod(found.st_mode & 0o700)


@contextmanager
def atomic_folder(final: Path, private: bool = False) -> Iterator[Path]:
    """A temporary folder beside `final` that takes its place when the block ends well, and vanishes when it does not.

    A folder already at `final` is replaced. Modes, also of what is in it, are as of `write_atomic`.
    """
    make_folder(final.parent, private)
    temporary = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
    try:
        yield temporary
        give_modes(temporary, private)
        flush_folder(temporary)
        _replace_folder(temporary, final)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _umask(private: bool) -> int:
    return private_umask() if private else users_umask()


def give_modes(folder: Path, private: bool) -> None:
    """Modes for `folder` and everything below it; what its owner may execute stays executable."""
    umask = _umask(private)
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            found = path.stat().st_mode
            mode = (0o777 if path.is_dir() or found & 0o100 else 0o666) & ~umask
            if stat.S_IMODE(found) != mode:
                path.chmod(mode)


@contextmanager
def merged_folder(final: Path) -> Iterator[Path]:
    """A temporary folder whose files go into `final` when the block ends well, and nowhere when it does not.

    A new folder appears whole. In a folder that exists, files of the same names are replaced, one after the other, and all others
    stay: for folders that a user chose, in which may be anything.

    Raises:
        NotADirectoryError: `final` is a file.
    """
    if not final.exists():
        with atomic_folder(final) as temporary:
            yield temporary
        return
    if not final.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "it is a file", str(final))
    temporary = Path(tempfile.mkdtemp(prefix=".edgepack.", dir=final))
    try:
        yield temporary
        give_modes(temporary, private=False)
        flush_folder(temporary)
        for path in sorted(temporary.rglob("*")):
            target = final / path.relative_to(temporary)
            if path.is_dir():
                make_folder(target)
            else:
                os.replace(path, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def flush_folder(folder: Path) -> None:
    """Flush every file below `folder` to disk."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _replace_folder(temporary: Path, final: Path) -> None:
    if not final.exists():
        os.rename(temporary, final)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{final.name}.old.", dir=final.parent))
    os.rename(final, old / "replaced")
    try:
        os.rename(temporary, final)
    except BaseException:
        os.rename(old / "replaced", final)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
