"""One file through the reader, the inspection and the compiler, as `edgepack inspect` and `edgepack compile` would take it."""

from __future__ import annotations

import faulthandler
import resource
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgepack.compile import compile_model
from edgepack.flatbuffer import inspect_model, read_model
from edgepack.ground.errors import EdgepackError

CORES = ("cortex-m0plus", "cortex-m4", "cortex-m55")
"""Each file is compiled for the generic C and for one of these, in turn."""

SECONDS = 10.0
"""Of processor time that a file may take; the files are of a few kilobytes, and most take a thousandth of a second."""

MEMORY = 1 << 30
"""Bytes of address space that a file may take beyond what the process had."""

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Outcome:
    """`word` is "compiled", the code of the error that refused the file, or "finding"; `kind` names a finding, by its place."""

    word: str
    kind: str = ""
    text: str = ""


class _TooLong(BaseException):
    """Not an Exception, so that nothing on the way catches it."""


@contextmanager
def bounded() -> Iterator[None]:
    """Bound the memory of this process, and let `outcome` bound its time. A file that cannot be stopped ends the process."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    had = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    handler = signal.signal(signal.SIGVTALRM, _stop)
    resource.setrlimit(resource.RLIMIT_AS, (had + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.signal(signal.SIGVTALRM, handler)
        faulthandler.cancel_dump_traceback_later()


def _stop(number: int, frame: Any) -> None:
    raise _TooLong


def outcome(content: bytes, number: int) -> Outcome:
    """What becomes of the file; anything but success or an EdgepackError with its line and its hint is a finding."""
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        try:
            model = read_model(content)
            inspect_model(model)
            for cpu in ("generic", CORES[number % len(CORES)]):
                compile_model(model, "m", cpu)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except EdgepackError as error:
        line = str(error)
        if not error.hint or not line.isprintable():
            return Outcome("finding", f"{error.code} is not one line and a hint", f"{line!r}\n{error.hint!r}")
        return Outcome(error.code)
    except (Exception, _TooLong) as error:
        return Outcome("finding", _kind(error), traceback.format_exc())
    return Outcome("compiled")


def _kind(error: BaseException) -> str:
    """The exception's type and the innermost place of edgepack in its traceback."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/edgepack/" in frame.filename]
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(ROOT / "edgepack")]
    where = f"{Path(own[-1].filename).relative_to(ROOT)}:{own[-1].lineno} {own[-1].name}" if own else "outside of edgepack"
    name = "too long" if isinstance(error, _TooLong) else type(error).__name__
    return name if isinstance(error, _TooLong) else f"{name} at {where}"
