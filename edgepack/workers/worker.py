"""One worker process of the host: started, given its job, watched, stopped in time, and its answer read.

Every worker answers like the program that runs on devices: one JSON object between the two marker lines on standard output,
whatever a runtime prints around it. A program of the host alone is a file with `work(job)`, which worker_main.py calls with the
job that it reads as JSON from standard input; run.py takes its job from the command line, as on a device.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.scratch import refuse_full
from edgepack.workers.result import RunnerFailure, parse_result

_MAIN = Path(__file__).with_name("worker_main.py")
_LOOK = 0.1  # seconds between two looks at what a worker printed
_MOST = 256 << 20  # bytes it may print: a result, and what a runtime says on the way
_WORDS = 1 << 16  # bytes of its errors that are read for the last line


class WorkerFailure(RunnerFailure):
    """A worker without a good answer.

    `kind` is that of a `RunnerFailure`, or "crash" when a signal ended the process (the message names it), or "timeout", or what
    the caller's `look` says. `words` is the last line it wrote to standard error, "" when there is none.
    """

    def __init__(self, kind: str, message: str, words: str = "") -> None:
        super().__init__(kind, message)
        self.words = words


def run_worker(
    program: Path, job: Any, timeout: float | None = None, watch: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """What `work(job)` of a program's file gives, in a process of its own.

    Args:
        program: A Python file that imports nothing of edgepack when it is loaded.
        job: JSON-able.
        timeout: Seconds it may take; None sets no limit.
        watch: Is given each line the worker prints, soon after.

    Raises:
        WorkerFailure: there is no good answer.
    """
    with Worker([str(_MAIN), str(program)], job) as worker:
        return worker.result(timeout, watch)


def save_arrays(folder: Path, arrays: Sequence[NDArray[Any]]) -> list[str]:
    """Write arrays, the inputs of a model, to .npy files in `folder`, where workers map them into memory; the files in order."""
    files = [str(folder / f"input_{index}.npy") for index in range(len(arrays))]
    for file, array in zip(files, arrays, strict=True):
        _save(Path(file), np.ascontiguousarray(array))
    return files


def _save(file: Path, array: NDArray[Any]) -> None:
    """`numpy.save`, but an error says what is wrong: numpy's own, on a full disk, has no errno."""
    with file.open("wb") as out:
        header = np.lib.format.header_data_from_array_1_0(array)  # type: ignore[no-untyped-call]
        np.lib.format.write_array_header_1_0(out, header)  # type: ignore[no-untyped-call]
        out.write(array.reshape(-1).view(np.uint8).data)


class Worker:
    """A running worker. Its output goes to files, so that it never waits for a reader; leaving the block ends it."""

    def __init__(
        self, arguments: Sequence[str], job: Any = None, folder: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start this Python with `arguments` in `folder`; `job` is what it finds on standard input.

        `environment` is added to this process's.
        """
        self._stdout = tempfile.TemporaryFile()  # noqa: SIM115 (closed by stop)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        with tempfile.TemporaryFile() as stdin:
            stdin.write(json.dumps(job).encode())
            stdin.seek(0)
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=stdin,
                stdout=self._stdout,
                stderr=self._stderr,
                # The worker's own folder and the caller's may hide no module that is installed.
                env={**os.environ, **(environment or {}), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONSAFEPATH": "1"},
                cwd=folder,
                start_new_session=True,
            )

    def result(
        self,
        timeout: float | None = None,
        watch: Callable[[str], None] | None = None,
        look: Callable[[int], None] | None = None,
    ) -> dict[str, Any]:
        """Wait for its end, and read the answer.

        `watch` is given each line it prints, `look` its process id every now and then; what they raise stops the waiting.

        Raises:
            WorkerFailure: there is no good answer.
            NoRoom: EP-152, and that is because temporary files have no room.
        """
        status = self._wait(timeout, watch, look)
        if status < 0:
            refuse_full()
            raise WorkerFailure("crash", _signal_name(-status), self._last_words())
        try:
            return parse_result(_content(self._stdout), _MOST)
        except RunnerFailure as failure:
            refuse_full(failure)
            raise WorkerFailure(failure.kind, str(failure), self._last_words()) from failure

    def _wait(self, timeout: float | None, watch: Callable[[str], None] | None, look: Callable[[int], None] | None) -> int:
        """Its exit status; what it prints meanwhile goes to `watch`."""
        end = math.inf if timeout is None else time.monotonic() + timeout
        seen = 0
        while True:
            left = end - time.monotonic()
            status = self._ended(max(0.0, min(_LOOK, left)))
            self._refuse_flood()
            if watch is not None:
                seen = self._tell(watch, seen)
            if look is not None:
                look(self._process.pid)
            if status is not None:
                return status
            if time.monotonic() >= end:
                raise WorkerFailure("timeout", f"it took longer than {timeout:.0f} s", self._last_words())

    def _refuse_flood(self) -> None:
        if max(os.fstat(file.fileno()).st_size for file in (self._stdout, self._stderr)) > _MOST:
            raise WorkerFailure("system", f"it printed more than {_MOST >> 20} MiB and was stopped", self._last_words())

    def _ended(self, seconds: float) -> int | None:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def _tell(self, watch: Callable[[str], None], seen: int) -> int:
        """Give `watch` the whole lines after the first `seen` bytes; how many bytes it has seen now."""
        whole = _content(self._stdout, seen).rpartition(b"\n")[0]
        for line in whole.splitlines():
            watch(line.decode("utf-8", "replace"))
        return seen + len(whole) + 1 if whole else seen

    def _last_words(self) -> str:
        end = os.fstat(self._stderr.fileno()).st_size
        text = _content(self._stderr, max(0, end - _WORDS)).decode("utf-8", "replace")
        if self._process.poll() is None and "\n" in text:
            text = text.rpartition("\n")[0]  # it may be in the midst of the next line
        lines = [line for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else ""

    def stop(self) -> None:
        """End the process if it runs, and forget what it printed."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # what it started is in its session
            self._process.wait()
        self._stdout.close()
        self._stderr.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def _content(file: Any, start: int = 0) -> bytes:
    """What is in a file from `start` on that another process writes to, whose place in it must not move."""
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), size - start, start)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
