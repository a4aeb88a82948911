"""How much more memory a process may take: a limit of the kernel, which refuses what goes beyond."""

from __future__ import annotations

import os
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_lock = threading.Lock()
_inside: list[int] = []
_before = resource.RLIM_INFINITY


def limit_memory(more: int) -> None:
    """Let this process take `more` bytes beyond what it has, for good; nothing happens where that is not counted (macOS)."""
    taken = taken_memory()
    if taken is not None:
        most = _below_hard_limit(taken + more)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


@contextmanager
def bounded_memory(more: int) -> Iterator[None]:
    """Let this process take `more` bytes beyond what it has while the block runs; then a MemoryError, or a runtime's own error.

    The limit is the whole process's: of blocks that run in several threads at once, the largest counts.
    """
    global _before
    taken = taken_memory()
    if taken is None:
        yield
        return
    with _lock:
        if not _inside:
            _before = resource.getrlimit(resource.RLIMIT_DATA)[0]
        _inside.append(taken + more)
        _set_soft_limit(max(_inside))
    try:
        yield
    finally:
        with _lock:
            _inside.remove(taken + more)
            _set_soft_limit(max(_inside) if _inside else _before)


def taken_memory() -> int | None:
    """Bytes of memory that RLIMIT_DATA counts: writable and of this process alone; None where that cannot be known."""
    if sys.platform != "linux":
        return None
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) << 10
    return None


def resident_memory(pid: int) -> int:
    """Bytes that a process holds in memory; 0 when it has ended, or where that cannot be known."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def half_the_memory() -> int:
    """Half of this machine's memory in bytes, or of what its container may use."""
    sizes = [4 << 30]
    with suppress(ValueError, OSError, AttributeError):
        sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            sizes.append(int(Path(file).read_text(encoding="utf-8")))
    return min(sizes) // 2


def _set_soft_limit(most: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (_below_hard_limit(most), hard))


def _below_hard_limit(most: int) -> int:
    """`most`, or the hard limit where that is lower."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    finite = [limit for limit in (most, hard) if limit != resource.RLIM_INFINITY]
    return min(finite) if finite else resource.RLIM_INFINITY
