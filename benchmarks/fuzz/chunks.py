"""Ranges of numbered files, each in a process whose memory and time are bounded; results come in order."""

from __future__ import annotations

import faulthandler
import itertools
import multiprocessing
import warnings
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass

from benchmarks.fuzz.mutants import Mutants
from benchmarks.fuzz.trial import SECONDS, Outcome, bounded, outcome

SIZE = 500
"""Files of a chunk."""


@dataclass(frozen=True)
class Chunk:
    """What became of the files up to `stop`: how often each outcome, and every finding by its file's number."""

    stop: int
    outcomes: dict[str, int]
    findings: tuple[tuple[int, Outcome], ...]


def run_chunks(mutants: Mutants, start: int, stop: int, workers: int = 1) -> Iterator[Chunk]:
    """Run files `start` to `stop`, in order whatever the number of workers.

    Raises BrokenProcessPool for a file that could not even be interrupted, after its process has printed where it was.
    """
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, context, _begin, (mutants,)) as pool:
        ranges = iter([(at, min(at + SIZE, stop)) for at in range(start, stop, SIZE)])
        running: deque[Future[Chunk]] = deque(pool.submit(_chunk, *each) for each in itertools.islice(ranges, 2 * workers))
        while running:
            yield running.popleft().result()
            running.extend(pool.submit(_chunk, *each) for each in itertools.islice(ranges, 1))


_mutants: list[Mutants] = []  # of this process


def _begin(mutants: Mutants) -> None:
    _mutants[:] = [mutants]
    warnings.simplefilter("ignore")  # numpy's, of overflows that the refusal afterwards tells


def _chunk(start: int, stop: int) -> Chunk:
    return run_here(_mutants[0], range(start, stop))


def run_here(mutants: Mutants, numbers: range) -> Chunk:
    """Run these files in this process."""
    outcomes: Counter[str] = Counter()
    findings = []
    with bounded():
        for number in numbers:
            faulthandler.dump_traceback_later(20 * SECONDS, exit=True)
            found = outcome(mutants.file(number)[1], number)
            outcomes[found.word] += 1
            if found.kind:
                findings.append((number, found))
    return Chunk(numbers.stop, dict(outcomes), tuple(findings))
