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


_SPREAD = """
from edgepack.ground.memory import large_blocks_apart, resident
def left():
    before = resident()
    kept = [b"x" * (8 << 20) for _ in range(20)]
    kept = kept[-1:]  # at the end of the heap
    return resident() - before
large = b"x" * (31 << 20)
del large  # from now on glibc puts blocks of up to this size into its heap
heap = left()
with large_blocks_apart():
    apart = left()
print(heap, apart, left())
"""


def test_what_is_freed_of_large_blocks_goes_back_at_once_while_it_shall() -> None:
    printed = subprocess.run([sys.executable, "-c", _SPREAD], capture_output=True, text=True, check=True).stdout
    heap, apart, afterwards = map(int, printed.split())
    assert heap > 100 << 20
    assert apart < 16 << 20
    assert afterwards > 100 << 20


_SHRINK = """
from edgepack.ground import memory
large = b"x" * (200 << 20)
memory.give_back_memory()
del large
memory.give_back_memory()
circle = [b"x" * (100 << 20)]
circle.append(circle)
del circle
memory.give_back_memory()
print(memory.resident())
"""


def test_a_process_that_has_shrunk_gives_back_what_it_grows_from_there() -> None:
    printed = subprocess.run([sys.executable, "-c", _SHRINK], capture_output=True, text=True, check=True).stdout
    assert int(printed) < 100 << 20
