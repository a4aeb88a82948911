"""Places that a process may write to (Linux's Landlock, since 5.13): everything else becomes read-only for it, for good.

Numbers and bits are those of linux/landlock.h. The system calls 444 to 446 are the same on every processor.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from contextlib import suppress
from pathlib import Path

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH, _SET_NO_NEW_PRIVS = 1, 1, 38

_EXECUTE, _WRITE = 1 << 0, 1 << 1
_REMOVE = 1 << 4 | 1 << 5  # folders, files
_MAKE_FOLDER, _MAKE_FILE = 1 << 7, 1 << 8
_MAKE_OTHER = 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12  # devices, sockets, pipes, symbolic links
_MOVE, _TRUNCATE, _CONTROL_DEVICE = 1 << 13, 1 << 14, 1 << 15
_TCP = 1 << 0 | 1 << 1  # bind, connect
_OUTSIDE = 1 << 0 | 1 << 1  # abstract sockets and signals that lead out of the process

_INSIDE_FOLDER = _WRITE | _REMOVE | _MAKE_FOLDER | _MAKE_FILE | _MOVE | _TRUNCATE


def version() -> int:
    """Which version of Landlock the kernel offers; 0 for none."""
    return max(0, _call(_CREATE, None, 0, _ASK_VERSION)) if platform.system() == "Linux" else 0


def write_only_in(folder: Path) -> None:
    """Let this process write below `folder` and to /dev/null only, and start no program; call it while there is one thread.

    Raises:
        OSError: the kernel refuses.
    """
    offered = version()
    handled = _EXECUTE | _WRITE | _REMOVE | _MAKE_FOLDER | _MAKE_FILE | _MAKE_OTHER
    handled |= sum(bit for bit, since in ((_MOVE, 2), (_TRUNCATE, 3), (_CONTROL_DEVICE, 5)) if offered >= since)
    words = [handled, *([_TCP] if offered >= 4 else []), *([_OUTSIDE] if offered >= 6 else [])]
    rules = _checked(_CREATE, struct.pack(f"={len(words)}Q", *words), 8 * len(words), 0)
    try:
        _allow(rules, folder, _INSIDE_FOLDER & handled)
        with suppress(FileNotFoundError):
            _allow(rules, Path(os.devnull), (_WRITE | _TRUNCATE) & handled)
        if ctypes.CDLL(None, use_errno=True).prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "privileges cannot be given up")
        _checked(_RESTRICT, rules, 0)
    finally:
        os.close(rules)


def _allow(rules: int, path: Path, access: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        _checked(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", access, place), 0)
    finally:
        os.close(place)


def _checked(*arguments: int | bytes | None) -> int:
    result = _call(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), "Landlock refuses")
    return result


def _call(number: int | bytes | None, *arguments: int | bytes | None) -> int:
    function = ctypes.CDLL(None, use_errno=True).syscall
    function.restype = ctypes.c_long
    return int(function(ctypes.c_long(number), *(_argument(one) for one in arguments)))  # type: ignore[arg-type]


def _argument(value: int | bytes | None) -> object:
    return ctypes.c_long(value) if isinstance(value, int) else ctypes.c_char_p(value)
