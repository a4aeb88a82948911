"""Whether a process has ended that is nobody's child here."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path


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
