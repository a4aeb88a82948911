"""Keeping the converter's chatter off the terminal, but not its errors."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class Chatter:
    """What native and Python code wrote to standard output and error while a block ran."""

    text: str = ""


@contextlib.contextmanager
def captured() -> Iterator[Chatter]:
    """Collect everything written to file descriptors 1 and 2, and drop Python warnings, while the block runs.

    The converter's MLIR passes write to the descriptors directly, beneath sys.stdout and any log level. sys.stderr itself goes on
    to lead to the terminal, so that a progress bar stays alive.
    """
    chatter = Chatter()
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        saved = os.dup(1), os.dup(2)
    except OSError:
        yield chatter
        return
    with tempfile.TemporaryFile() as file, os.fdopen(os.dup(saved[1]), "w", buffering=1) as terminal:
        try:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            with warnings.catch_warnings(), contextlib.redirect_stderr(terminal):
                warnings.simplefilter("ignore")
                yield chatter
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
            for descriptor, copy in enumerate(saved, start=1):
                os.dup2(copy, descriptor)
                os.close(copy)
            file.seek(0)
            chatter.text = file.read().decode(errors="replace")
