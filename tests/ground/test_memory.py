"""Giving memory back: an interrupt that comes meanwhile is not lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from edgepack.ground.memory import interrupts_later


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


_GROW = """
from edgepack.ground.memory import give_back_memory, resident
give_back_memory()
kept = [bytearray(1 << 10) for _ in range(100_000)]
grown = resident()
kept = kept[-1:]  # what lives on at the end of the heap keeps free() from giving anything back
free = resident()
give_back_memory()
print(grown, free, resident())
"""


def test_memory_is_given_back() -> None:
    """In a process of its own: in one that has run other tests, what they freed would be used again and nothing grow."""
    printed = subprocess.run([sys.executable, "-c", _GROW], capture_output=True, text=True, check=True).stdout
    grown, free, given_back = map(int, printed.split())
    assert free > grown - (10 << 20)
    assert given_back < grown - (50 << 20)
