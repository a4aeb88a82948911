"""The search itself: which trial comes next, until the time is over, the number is reached or nothing new is left."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from edgepack.search.choice import Choice
from edgepack.search.crew import Crew
from edgepack.search.design import RecipeTables
from edgepack.search.rungs import to_promote
from edgepack.search.standing import Standing, order, standing
from edgepack.search.study import BEAT, Claim, Entry, Study
from edgepack.search.trial import Bench, TrialResult, TrialTask

_PARENTS = 3
"""The best so many are varied."""
_ATTEMPTS = 30
"""Proposals in a row that were tried before, after which nothing new is left."""
_WAIT = 1.0


@dataclass(frozen=True)
class Limits:
    """When a search ends: at a time (seconds since 1970), and after a number of trials that this process has ended.

    `kept` seconds at most are kept before that for running the winner.
    """

    end: float
    trials: int | None = None
    kept: float = 0.0


class Loop:
    """One process's part of a search.

    `front` are the designs to begin with, each once, in the training that did best for the first trials.
    """

    def __init__(
        self,
        bench: Bench,
        study: Study,
        before: RecipeTables,
        rungs: Sequence[int],
        objectives: Sequence[str],
        limits: Limits,
        seed: int,
        told: Callable[[Entry | None, Claim, TrialResult], None],
        front: Sequence[Choice] = (),
    ) -> None:
        self._bench, self._study, self._before, self._rungs = bench, study, before, rungs
        self._objectives, self._limits, self._seed, self._told = objectives, limits, seed, told
        self._front = front
        self._ended = 0
        self._exhausted = 0  # trials that were done when nothing new was found near the best

    def run(self, crew: Crew) -> None:
        """Run trials until a limit is reached; whatever runs when this is interrupted is left to the next process.

        Raises:
            KeyboardInterrupt: the user wants it to end.
            EdgepackError: what is wrong with the machine or the project, and not with a recipe.
        """
        self._study.revive()
        try:
            with self._signs_of_life(crew):
                while True:
                    while crew.free and not self._over(len(crew.busy)):
                        claim = self._next()
                        if claim is None:
                            break
                        tables = claim.choice.tables(claim.epochs, self._before)
                        crew.start(claim, TrialTask(self._bench.plan.request, tables, self._end()))
                    if not crew.busy:
                        if self._over(0) or not self._others_work():
                            return
                        time.sleep(_WAIT)
                        self._study.revive()
                        continue
                    for claim, result in crew.ended():
                        self._note(claim, result)
        except BaseException:
            for claim in crew.busy:
                self._study.give_back(claim)
            raise

    def _over(self, running: int) -> bool:
        trials = self._limits.trials
        return time.time() >= self._end() or (trials is not None and self._ended + running >= trials)

    def _end(self) -> float:
        """When trials have to have ended, so that the winner can be run: the float model again, and all its epochs."""
        entries = self._study.entries()
        floats = [entry.result.float_seconds for entry in entries if entry.result is not None]
        winner = max(floats, default=0.0) + (expected_seconds(entries, self._rungs[-1]) or 0.0)
        return self._limits.end - min(winner, self._limits.kept)

    def _others_work(self) -> bool:
        """Whether another process runs a trial whose end may give this one something to do."""
        return any(entry.state == "running" for entry in self._study.entries())

    def _note(self, claim: Claim, result: TrialResult) -> None:
        if result.unfinished:
            self._study.give_back(claim)
            return
        self._ended += 1
        if result.error is not None:
            self._study.fail(claim, result.error)
        else:
            place = self._standing(result)
            self._study.finish(claim, result, place.misses, place.values)
        entries = self._study.entries()
        best = best_of(entries)
        self._told(best, claim, result)

    def _standing(self, result: TrialResult) -> Standing:
        return standing(result, self._bench.target, self._objectives, self._bench.plan.metric.higher_is_better)

    def _next(self) -> Claim | None:
        """A trial that waits, else one that has earned more training, else a new one near the best."""
        entries = self._study.entries()
        waiting = next((entry for entry in entries if entry.state == "waiting"), None)
        if waiting is not None and not self._fits(entries, waiting.epochs):
            return None
        claim = self._study.claim()
        if claim is not None:
            return claim
        if self._offer_front(entries) or self._promote(entries):
            claim = self._study.claim()
            if claim is not None:
                return claim
        return self._vary(entries)

    def _offer_front(self, entries: Sequence[Entry]) -> bool:
        """Once the first trials are done, offer the other designs of the front, trained as the best of them."""
        known = [entry.choice.design for entry in entries if entry.state != "dropped"]
        new = [choice for choice in self._front if choice.design not in known]
        best = best_of(entries)
        if not new or best is None or any(entry.state == "running" for entry in entries):
            return False
        trained = best.choice
        for choice in new:
            self._study.offer(replace(trained, design=choice.design), self._rungs[0], "front")
        return True

    def _promote(self, entries: Sequence[Entry]) -> bool:
        """Offer the next rung to the trial that has earned it; False when none has."""
        tried = {entry.key for entry in entries if entry.state != "dropped"}
        for low, high in reversed(list(zip(self._rungs, self._rungs[1:], strict=False))):
            here = [entry for entry in entries if entry.epochs == low]
            done = [entry for entry in here if entry.state == "done"]
            if not done or not self._fits(entries, high):
                continue
            waits = any(entry.state in ("waiting", "running") for entry in here)
            at = to_promote([place_of(entry) for entry in done], [entry.choice.key(high) in tried for entry in done], waits)
            if at is not None and self._study.offer(done[at].choice, high, "promoted"):
                return True
        return False

    def _vary(self, entries: Sequence[Entry]) -> Claim | None:
        done = [entry for entry in entries if entry.state == "done"]
        if len(done) <= self._exhausted or not self._fits(entries, self._rungs[0]):
            return None
        best = order([place_of(entry) for entry in done])[:_PARENTS]
        drawn = random.Random(self._seed + len(entries))
        for _ in range(_ATTEMPTS):
            claim = self._study.vary(done[drawn.choice(best)].choice, self._rungs[0])
            if claim is not None:
                return claim
        self._exhausted = len(done)
        return None

    def _fits(self, entries: Sequence[Entry], epochs: int) -> bool:
        """Whether a trial of so many epochs would end in time, by what trials took until now."""
        took = expected_seconds(entries, epochs)
        return took is None or time.time() + took <= self._end()

    @contextmanager
    def _signs_of_life(self, crew: Crew) -> Iterator[None]:
        """While the block runs, say every few seconds that this process's trials are being worked on."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(BEAT):
                for claim in crew.busy:
                    with suppress(Exception):  # a storage that cannot be reached just now; the trial's end will tell
                        self._study.beat(claim)

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def place_of(entry: Entry) -> Standing:
    """The standing of a trial that is done."""
    return Standing(entry.misses or {}, entry.values)


def best_of(entries: Sequence[Entry]) -> Entry | None:
    """The best trial: by rank, then the objectives in their order; of equals the first. None while none is done."""
    done = [entry for entry in entries if entry.state == "done"]
    return min(done, key=lambda entry: (place_of(entry).rank, entry.values, entry.number), default=None)


def expected_seconds(entries: Sequence[Entry], epochs: int) -> float | None:
    """What a trial of so many epochs takes: the median of those with as many, else in proportion to those with fewer."""
    took: dict[int, list[float]] = {}
    for entry in entries:
        if entry.result is not None and entry.result.error is None:
            took.setdefault(entry.epochs, []).append(entry.result.seconds)
    if not took:
        return None
    nearest = epochs if epochs in took else max((known for known in took if known < epochs), default=min(took))
    seconds = sorted(took[nearest])
    return seconds[len(seconds) // 2] * max(1.0, epochs / nearest)
