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

    The converter's MLIR passes write to the descriptors directly, beneath sys.stdout and any log level.
    """
    chatter = Chatter()
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        saved = os.dup(1), os.dup(2)
    except OSError:
        yield chatter
        return
    with tempfile.TemporaryFile() as file:
        try:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield chatter
        finally:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            for descriptor, copy in enumerate(saved, start=1):
                os.dup2(copy, descriptor)
                os.close(copy)
            file.seek(0)
            chatter.text = file.read().decode(errors="replace")
