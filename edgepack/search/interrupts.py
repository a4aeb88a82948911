"""Ctrl-C between two writes to a study, never within one: what Optuna was doing then could neither be finished nor undone."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _State:
    """How many parts that must not be cut are being run, and whether a signal has come meanwhile."""

    held = 0
    pending = False


def _main() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextmanager
def interruptible() -> Iterator[None]:
    """While the block runs, SIGINT and SIGTERM raise KeyboardInterrupt, in `whole` parts at their end."""
    if not _main():
        yield
        return

    def stop(signum: int, frame: FrameType | None) -> None:
        if _State.held:
            _State.pending = True
        else:
            raise KeyboardInterrupt

    before = {each: signal.signal(each, stop) for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def whole() -> Iterator[None]:
    """A part that an interruption waits for. Raises KeyboardInterrupt at its end if there was one."""
    if not _main():
        yield
        return
    _State.held += 1
    try:
        yield
    finally:
        _State.held -= 1
        if not _State.held and _State.pending:
            _State.pending = False
            raise KeyboardInterrupt
