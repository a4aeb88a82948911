"""Giving memory back: an interrupt that comes meanwhile is not lost."""

from __future__ import annotations

import os
import signal
import time

import pytest

from edgepack.ground.memory import give_back_memory, interrupts_later, resident


def test_an_interrupt_comes_when_collecting_is_done() -> None:
    done = False
    with pytest.raises(KeyboardInterrupt):
        with interrupts_later():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
            done = True
        time.sleep(1)
    assert done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_memory_is_given_back() -> None:
    give_back_memory()
    kept = [bytearray(1 << 10) for _ in range(100_000)]
    grown = resident()
    del kept
    give_back_memory()
    assert resident() < grown - (50 << 20)
