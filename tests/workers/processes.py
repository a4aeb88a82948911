"""Processes that a test stops: how soon it may, and whether one has ended that is nobody's child here."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")


def stopped(act: Callable[[float], Found], begun: Path) -> Found:
    """What `act(seconds)` gives when it stops a program after the shortest time in which that has filled the file `begun`.

    How long a program takes to start depends on what else the machine does.
    """
    for seconds in (1.0, 4.0, 16.0, 64.0):
        found = act(seconds)
        if begun.is_file() and begun.stat().st_size:
            return found
    raise AssertionError("the program has not begun")


def has_ended(pid: int, seconds: float = 10.0) -> bool:
    """Whether it ends within `seconds`: a signal takes a moment, and whoever adopted it may not collect it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.05)
                continue
        return True
    return False
