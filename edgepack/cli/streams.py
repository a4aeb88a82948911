"""Standard output and standard error of a command, whatever becomes of who reads them."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

BROKEN_PIPE = 141
"""The exit code of a program that SIGPIPE (13) ended, as a shell tells it: 128 + 13."""


@contextmanager
def quiet_pipes() -> Iterator[None]:
    """In the block a reader that closes its end, such as `head -1`, ends the command with `BROKEN_PIPE` and not a word.

    SIGPIPE itself stays ignored: it would end the command without releasing a device's lock, and for any socket.

    Raises:
        SystemExit: nobody reads any more.
        OSError: standard output cannot be written, for example to a full disk.
    """
    replaced = {name: _Watched(stream) for name in ("stdout", "stderr") if _is_own(stream := getattr(sys, name))}
    before = {name: getattr(sys, name) for name in replaced}
    for name, watched in replaced.items():
        setattr(sys, name, watched)
    try:
        yield
    finally:
        with suppress(OSError):  # told already, by the flush that the command ends with
            flush()
        for name, stream in before.items():
            setattr(sys, name, stream)
            replaced[name].detach()


def flush() -> None:
    """Hand over everything printed so far."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _is_own(stream: object) -> bool:
    """Whether it is this process's own stream, and not one that a test or a notebook has put in its place."""
    return type(stream) is io.TextIOWrapper and stream.name in ("<stdout>", "<stderr>")


class _Watched(io.TextIOWrapper):
    """A standard stream again. It turns bytes that nobody takes any more away, so that Python does not fail on them at the end;
    a terminal without µ or × shows ? instead of failing."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        stream.flush()
        super().__init__(stream.buffer, stream.encoding, "replace", line_buffering=stream.line_buffering)

    def write(self, text: str) -> int:
        with self._until_closed():
            return super().write(text)

    def flush(self) -> None:
        with self._until_closed():
            super().flush()

    @contextmanager
    def _until_closed(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            if isinstance(error, BrokenPipeError):
                raise SystemExit(BROKEN_PIPE) from None
            error.filename = "standard output" if self.fileno() == 1 else "standard error"
            raise
