"""One local program run to its end: input fed, output collected, time watched."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from edgepack.ground.errors import DeviceError
from edgepack.ground.scratch import refuse_full

MOST_OUTPUT = 64 << 20
"""Bytes that a program may write to standard output, unless its caller expects more."""
MOST_ERRORS = 16 << 20
"""Bytes that a program may write to standard error."""
MOST_WORDS = 1 << 20
"""Bytes of standard output of a program that has something to say only when it fails."""

_BLOCK = 1 << 16
_TICK = 0.05  # seconds between looks at the clock and at what was written

INTERRUPTED: ContextVar[threading.Event | None] = ContextVar("INTERRUPTED", default=None)
"""What stops the program a worker thread waits for, as Ctrl-C does in the main thread: set once, it ends one program."""


class Flood(DeviceError):
    """EP-533: a program wrote more than it was allowed to, and was stopped."""


@dataclass(frozen=True)
class Finished:
    """How a program ended. `status` is None when it was stopped for taking too long; negative for a signal."""

    status: int | None
    stdout: bytes
    stderr: bytes
    sent: int = 0

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def errors(self) -> str:
        """Standard error as text."""
        return self.stderr.decode("utf-8", "replace")


def run_process(
    argv: Sequence[str],
    *,
    timeout: float,
    stdin: BinaryIO | None = None,
    stall: float | None = None,
    on_sent: Callable[[int], None] | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | str | None = None,
    kill_group: bool = False,
    most: int = MOST_OUTPUT,
) -> Finished:
    """Run `argv` and wait.

    Args:
        argv: Program and arguments.
        timeout: Seconds until it is stopped, counted from the start, or from the last byte of `stdin` it took when `stall`
            is given.
        stdin: What it reads; nothing when None.
        stall: Seconds without it taking a byte of `stdin` until it is stopped.
        on_sent: Called now and then with the bytes of `stdin` taken so far.
        environment: Its environment; by default this process's.
        folder: The folder it works in; by default this process's.
        kill_group: Stop its children too. Not for programs that leave a helper behind on purpose, as ssh does.
        most: Bytes of standard output until it is stopped.

    Raises:
        OSError: it cannot be started.
        Flood: EP-533 it wrote more than `most` bytes, or more than MOST_ERRORS to standard error.
        NoRoom: EP-152 it failed, and what it wrote has no room.
        KeyboardInterrupt: this thread's INTERRUPTED was set; the program was stopped.
    """
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            cwd=folder,
            start_new_session=True,  # Ctrl-C stops edgepack, which then cleans up over a connection that still lives
        )
        feeder = None if stdin is None else _Feeder(process, stdin)
        try:
            status = _wait(process, feeder, timeout, stall, on_sent, lambda: _refuse_flood(argv[0], stdout, stderr, most))
        finally:
            if process.poll() is None:
                _kill(process, kill_group)
            if feeder is not None:
                feeder.stop()
        _refuse_flood(argv[0], stdout, stderr, most)
        if status != 0:
            refuse_full()
        stdout.seek(0)
        stderr.seek(0)
        return Finished(status, stdout.read(most), stderr.read(MOST_ERRORS), 0 if feeder is None else feeder.sent)


def _wait(
    process: subprocess.Popen[bytes],
    feeder: _Feeder | None,
    timeout: float,
    stall: float | None,
    on_sent: Callable[[int], None] | None,
    look: Callable[[], None],
) -> int | None:
    start = changed = time.monotonic()
    sent = 0
    interrupted = INTERRUPTED.get()
    descriptor = _descriptor(process)
    poll = select.poll()
    if descriptor is not None:
        poll.register(descriptor, select.POLLIN)
    try:
        while True:
            if interrupted is not None and interrupted.is_set():
                interrupted.clear()
                raise KeyboardInterrupt
            if descriptor is not None:
                poll.poll(1000 * _TICK)
            with suppress(subprocess.TimeoutExpired):
                return process.wait(_TICK if descriptor is None else 0)
            look()
            now = time.monotonic()
            if feeder is not None and feeder.sent != sent:
                sent, changed = feeder.sent, now
                if on_sent is not None:
                    on_sent(sent)
            if feeder is None or stall is None:
                late = now > start + timeout
            else:
                late = now > changed + (stall if feeder.running else timeout)
            if late:
                return None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _refuse_flood(program: str, stdout: BinaryIO, stderr: BinaryIO, most: int) -> None:
    """Raise when a program wrote too much. Its output stands in files, so what it costs until then is room on the disk."""
    for stream, name, limit in ((stdout, "output", most), (stderr, "error", MOST_ERRORS)):
        if os.fstat(stream.fileno()).st_size > limit:
            size = f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit} bytes"
            raise flood(os.path.basename(program), f"more than {size} to standard {name}")


def flood(who: str, amount: str) -> Flood:
    """The error for a program that writes without end."""
    return Flood("EP-533", f"{who} wrote {amount} and was stopped", "look at what it prints there, by hand; see docs/errors.md")


def _descriptor(process: subprocess.Popen[bytes]) -> int | None:
    """What becomes readable at the process's end (Linux 5.3 and later): waiting with a limit alone would sleep past it."""
    with suppress(OSError, AttributeError):
        return os.pidfd_open(process.pid)
    return None


def _kill(process: subprocess.Popen[bytes], group: bool) -> None:
    with suppress(ProcessLookupError):
        if group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


class _Feeder:
    """Feeds a file to a program in a thread, so that a program that stops reading can be noticed."""

    def __init__(self, process: subprocess.Popen[bytes], source: BinaryIO) -> None:
        assert process.stdin is not None
        self.sent = 0
        self._pipe = process.stdin
        self._source = source
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def _feed(self) -> None:
        with suppress(OSError, ValueError):
            while block := self._source.read(_BLOCK):
                self._pipe.write(block)
                self._pipe.flush()
                self.sent += len(block)
        with suppress(OSError, ValueError):
            self._pipe.close()

    def stop(self) -> None:
        self._thread.join()
