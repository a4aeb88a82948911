"""Folders for the sockets by which a client talks to its own helper: for their owner alone, and with short paths."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from edgepack.ground.errors import DeviceError

_MOST = 104  # bytes of a socket's path: 108 on Linux, 104 elsewhere


def socket_folder(prefix: str, room: int) -> Path:
    """A new folder of mode 0700 in $XDG_RUNTIME_DIR, $TMPDIR or /tmp, whose path leaves `room` bytes for a socket's name.

    Raises:
        DeviceError: EP-520 when none of them is writable and short.
    """
    random = 8 + 1  # what mkdtemp adds, and the slash
    for parent in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):
        if parent and len(os.fsencode(parent)) + 1 + len(prefix) + random + room < _MOST and os.access(parent, os.W_OK):
            return Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    raise DeviceError("EP-520", "there is no writable folder with a short path for a client's socket", "make /tmp writable")
