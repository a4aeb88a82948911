"""Who may read what a run leaves: its user alone, whatever the umask, but for the results, whose modes follow the umask.

Models, data, keys and programs that are kept to be run lie in caches, temporary folders and stand-ins, where many hands write:
libraries, compilers, workers. So the whole run has a umask that grants nobody else anything, and `ground.files` gives results
the modes that the user's own umask asks for.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OTHERS = 0o077  # the permissions of everybody but the owner

_lock = threading.Lock()
_runs = 0
_users = 0


@contextmanager
def private_files() -> Iterator[None]:
    """What is created meanwhile is its owner's alone; also a decorator. A process has one umask: it holds for all threads."""
    global _runs, _users
    with _lock:
        if _runs == 0:
            _users = os.umask(private_umask())
        _runs += 1
    try:
        yield
    finally:
        with _lock:
            _runs -= 1
            if _runs == 0:
                os.umask(_users)


def private_umask() -> int:
    """The umask of what is private.

    Where somebody made $EDGEPACK_CACHE for a group, setgid and open to it for writing, the group keeps what it has there.
    """
    try:
        mode = os.stat(os.environ["EDGEPACK_CACHE"]).st_mode
    except (KeyError, OSError):
        return _OTHERS
    return _OTHERS & ~(mode & stat.S_IRWXG) if mode & stat.S_ISGID and mode & stat.S_IWGRP else _OTHERS


def users_umask() -> int:
    """The umask that the user has set."""
    with _lock:
        if _runs:
            return _users
        umask = os.umask(_OTHERS)
        os.umask(umask)
        return umask


@contextmanager
def with_umask(umask: int) -> Iterator[None]:
    """Another umask for a while: the user's own for the user's code, or one for a system that has users of its own."""
    before = os.umask(umask)
    try:
        yield
    finally:
        os.umask(before)


def write_secret(path: Path, content: bytes) -> None:
    """Write a new file for its owner alone (0600), also where a group shares what else is private.

    Raises:
        FileExistsError: there is one; it stays as it is.
        OSError: it cannot be written; then there is none.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
