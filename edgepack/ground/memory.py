"""Memory of this process, given back where it is of no more use."""

from __future__ import annotations

import ctypes
import gc
import mmap
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

# Collecting takes a fifth of a second once TensorFlow is imported; less than this is not worth it.
_WORTH = 32 << 20  # bytes

_left = 0  # what was resident after the last time, or less if it was found to be less since

# glibc's mallopt: https://man7.org/linux/man-pages/man3/mallopt.3.html
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_APART = 1 << 20  # bytes
_GROWN = 32 << 20  # bytes: DEFAULT_MMAP_THRESHOLD_MAX


def give_back_memory() -> None:
    """Collect what only circles of references hold, and return to the system what the allocator keeps for later.

    A traced graph is such a circle, with every weight as a constant in it, and glibc keeps what was freed: of one conversion of
    ResNet50 1.1 GB stayed. Does nothing when the process has not grown by 32 MB since the last time.
    """
    global _left
    now = resident()
    _left = min(_left, now)
    if 0 < now < _left + _WORTH:
        return
    with interrupts_later():
        gc.collect()
    with suppress(AttributeError):  # glibc's alone
        ctypes.CDLL(None).malloc_trim(0)
    _left = resident()


@contextmanager
def large_blocks_apart() -> Iterator[None]:
    """While this lasts, what is freed of blocks of 1 MiB and more goes back to the system at once.

    glibc raises the size from which it does that to that of the largest block freed so far, and puts smaller ones in its heap,
    where what lives on keeps what was freed: the fifth conversion of an LSTM took 280 MB more than the first, 50 MB of
    weights. Afterwards the size is what glibc's own raising ends at, as it cannot be told to go on raising. Does nothing without
    glibc.
    """
    _thresholds(_APART, _APART)
    try:
        yield
    finally:
        _thresholds(_GROWN, 2 * _GROWN)


def _thresholds(mmap_threshold: int, trim_threshold: int) -> None:
    with suppress(AttributeError):  # glibc's alone
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, mmap_threshold)
        mallopt(_M_TRIM_THRESHOLD, trim_threshold)


@contextmanager
def interrupts_later() -> Iterator[None]:
    """Hold back Ctrl-C while this lasts: Python ignores what is raised in the callbacks of dying objects."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came and callable(before):
            before(*came[0])


def resident() -> int:
    """Bytes of this process that are in memory; 0 where the system does not say."""
    with suppress(OSError, IndexError, ValueError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE
    return 0
