"""All that a process gives up before it runs code that somebody else wrote.

What each layer is for: Landlock keeps writing within one folder, seccomp takes sockets and other processes away, dropped
capabilities what root could do besides, and the kernel's limits bound files, time and memory. Reading is not kept off: a runtime
reads its libraries from anywhere.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
import time
from collections.abc import Callable
from pathlib import Path

from edgepack.workers.confinement import landlock, seccomp
from edgepack.workers.confinement.memory import limit_memory

_CAPABILITIES_VERSION = 0x20080522
_READ_EVERYTHING = 1 << 2  # CAP_DAC_READ_SEARCH: root may open a user's model
_NEW_NETWORK, _NEW_USER = 0x40000000, 0x10000000  # unshare's


def confine(folder: Path, largest: int) -> tuple[str, ...]:
    """Leave this process no network, no place to write to but `folder`, and no file of more than `largest` bytes.

    As far as this machine offers it. Call it first of all: it binds the threads that start later. What may be computed is limited
    once the runtime is loaded (`limit_work`).

    Returns:
        What it can no longer do, of "network" and "writing".

    Raises:
        OSError: a limit cannot be set.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _limit(resource.RLIMIT_FSIZE, largest)
    filtered = seccomp.available()
    network = not filtered and _done(_own_network)  # while it may
    _drop_capabilities()
    writing = landlock.version() > 0 and _done(lambda: landlock.write_only_in(folder))
    network = _done(seccomp.give_up_calls) if filtered else network
    return (*(["network"] if network else []), *(["writing"] if writing else []))


def _done(give_up: Callable[[], None]) -> bool:
    try:
        give_up()
    except (OSError, AttributeError):  # a container forbids it, or the C library lacks it
        return False
    return True


def limit_work(memory: int, seconds: float) -> None:
    """Let this process take `memory` bytes more than it has, and compute for `seconds` more on each processor; for good."""
    limit_memory(memory)
    _limit(resource.RLIMIT_CPU, int(time.process_time() + seconds * (os.cpu_count() or 1)) + 1, grace=2)


def _limit(kind: int, most: int, grace: int = 0) -> None:
    """Set a limit; `grace` lies between what gives a signal and what ends the process."""
    hard = resource.getrlimit(kind)[1]
    most, last = (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard) for wanted in (most, most + grace))
    resource.setrlimit(kind, (most, last))


def _own_network() -> None:
    """A network of its own with nothing in it: root may have one, others within a user namespace of their own."""
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    if unshare(_NEW_NETWORK) and unshare(_NEW_USER | _NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "the network cannot be given up")


def _drop_capabilities() -> None:
    """Root's powers, but for reading; a user has none to lose."""
    if platform.system() != "Linux" or os.geteuid() != 0:
        return
    library = ctypes.CDLL(None, use_errno=True)
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITIES_VERSION, 0))
    held = ctypes.create_string_buffer(24)
    if library.capget(header, held):
        raise OSError(ctypes.get_errno(), "the capabilities cannot be read")
    effective, permitted = struct.unpack_from("=II", held.raw)
    kept = struct.pack("=6I", effective & _READ_EVERYTHING, permitted & _READ_EVERYTHING, 0, 0, 0, 0)
    if library.capset(header, ctypes.create_string_buffer(kept, 24)):
        raise OSError(ctypes.get_errno(), "the capabilities cannot be given up")
