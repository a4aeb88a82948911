"""Who runs the trials: this process itself, one after the other, or several processes at a time."""

from __future__ import annotations

import concurrent.futures
import ctypes
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from edgepack.ground.errors import EdgepackError
from edgepack.search.deadline import InOneLine
from edgepack.search.study import Claim
from edgepack.search.trial import Bench, TrialResult, TrialTask, run_trial

_KILL_WITH_PARENT = 1  # PR_SET_PDEATHSIG, prctl(2)
_POLL = 0.5  # seconds


class Crew(Protocol):
    """Runs trials; `free` says how many more may be started now."""

    @property
    def free(self) -> int:
        """How many more trials may be started."""

    @property
    def busy(self) -> tuple[Claim, ...]:
        """The trials that were started and not yet given back."""

    def start(self, claim: Claim, task: TrialTask) -> None:
        """Begin a trial."""

    def ended(self) -> list[tuple[Claim, TrialResult]]:
        """The trials that have ended, after a short wait for one."""


class Alone:
    """This process: a trial runs when it is asked how it ended."""

    def __init__(self, bench: Bench, tell: Callable[[str], None]) -> None:
        self._bench, self._tell = bench, tell
        self._next: tuple[Claim, TrialTask] | None = None

    @property
    def free(self) -> int:
        """One at a time."""
        return int(self._next is None)

    @property
    def busy(self) -> tuple[Claim, ...]:
        """The one."""
        return () if self._next is None else (self._next[0],)

    def start(self, claim: Claim, task: TrialTask) -> None:
        """Keep it for `ended`."""
        self._next = (claim, task)

    def ended(self) -> list[tuple[Claim, TrialResult]]:
        """Run it to its end."""
        if self._next is None:
            return []
        claim, task = self._next
        result = run_trial(task, self._bench, InOneLine(self._tell))
        self._next = None
        return [(claim, result)]


class Several:
    """Processes of their own, each with its own TensorFlow."""

    def __init__(self, pool: concurrent.futures.ProcessPoolExecutor, number: int, tell: Callable[[str], None]) -> None:
        self._pool, self._number, self._tell = pool, number, tell
        self._running: dict[concurrent.futures.Future[TrialResult], Claim] = {}

    @property
    def free(self) -> int:
        """Processes without work."""
        return self._number - len(self._running)

    @property
    def busy(self) -> tuple[Claim, ...]:
        """What the processes work on."""
        return tuple(self._running.values())

    def start(self, claim: Claim, task: TrialTask) -> None:
        """Hand it to a process."""
        self._running[self._pool.submit(run_trial, task)] = claim

    def ended(self) -> list[tuple[Claim, TrialResult]]:
        """Those that have ended.

        Raises:
            EdgepackError: EP-197 when a process died.
        """
        self._tell(f"trials {', '.join(str(claim.number) for claim in self.busy)} are running")
        done, _ = concurrent.futures.wait(self._running, _POLL, concurrent.futures.FIRST_COMPLETED)
        found = []
        for future in done:
            try:
                result = future.result()
            except concurrent.futures.BrokenExecutor as error:
                raise EdgepackError(
                    "EP-197",
                    "a process that ran a trial died, most likely for want of memory",
                    "run the same command with fewer --workers: it goes on where this one stopped",
                ) from error
            found.append((self._running.pop(future), result))
        return found


@contextmanager
def crew_of(workers: int, bench: Bench, tell: Callable[[str], None]) -> Iterator[Crew]:
    """`workers` processes, or this one alone for 1. What runs when the block is left by an error is ended at once."""
    if workers == 1:
        yield Alone(bench, tell)
        return
    context = multiprocessing.get_context("spawn")
    before = set(multiprocessing.active_children())
    pool = concurrent.futures.ProcessPoolExecutor(workers, context, _begin, (os.getpid(),))
    try:
        yield Several(pool, workers, tell)
    except BaseException:
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(parent: int) -> None:
    """A worker's first act: Ctrl-C is the parent's to answer, and nothing outlives the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_KILL_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
