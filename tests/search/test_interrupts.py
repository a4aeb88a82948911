"""An interruption waits for the end of what must not be cut."""

from __future__ import annotations

import os
import signal

import pytest

from edgepack.search.interrupts import interruptible, whole


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_end_of_a_whole_part(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    done: list[str] = []

    @whole()
    def write() -> None:
        with whole():
            os.kill(os.getpid(), number)
        done.append("written")

    with interruptible():
        with pytest.raises(KeyboardInterrupt):
            write()
        assert done == ["written"]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
            signal.pause()
        write_again = whole()(lambda: done.append("again"))
        write_again()  # the one before is no longer pending
    assert done == ["written", "again"] and signal.getsignal(number) is before
