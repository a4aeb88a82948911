"""What a closed device must not leave behind."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path


def ssh_clients() -> list[str]:
    """Running ssh clients that this process started, their shared connections included."""
    return processes_with(f"edgepack-ssh-{os.getpid()}-")


def processes_with(word: str) -> list[str]:
    """Running processes with `word` in their command line, but for this one."""
    mark = word.encode()
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = command.read_bytes()
        except OSError:
            continue
        if mark in words and command.parent.name != str(os.getpid()):
            found.append(words.replace(b"\0", b" ").decode("utf-8", "replace"))
    return found


def control_folders() -> set[str]:
    """Folders for ssh's control sockets of this process."""
    return {path.name for path in Path(tempfile.gettempdir()).glob(f"edgepack-ssh-{os.getpid()}-*")}


def gone(check: object, seconds: float = 30.0) -> bool:
    """Whether `check()` becomes empty within some time: a process that was told to end needs a moment."""
    assert callable(check)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not check():
            return True
        time.sleep(0.05)
    return not check()
