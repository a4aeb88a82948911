"""The record of a search: an Optuna study that several processes write to, and that outlives each of them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgepack.ground.plain import plain
from edgepack.search.choice import Choice
from edgepack.search.figures import Figures
from edgepack.search.interrupts import whole
from edgepack.search.moves import Moves, numbers_of, propose
from edgepack.search.standing import ACCURACY
from edgepack.search.trial import TrialError, TrialResult

if TYPE_CHECKING:
    import optuna

Born = Literal["front", "promoted", "varied"]
State = Literal["waiting", "running", "done", "failed", "dropped"]

BEAT = 15.0
"""Seconds between two signs of life of a running trial."""
_DEAD = 180.0
"""Without a sign of life for so long, a trial on another machine counts as dead; clocks have to agree that well."""


@dataclass(frozen=True)
class Entry:
    """A trial as the study has it: `done` has a result, `failed` an error of the recipe, `dropped` was a second of its kind, or
    came to no end and is tried again. `misses` and `values` are those of its `Standing`."""

    number: int
    state: State
    key: str
    choice: Choice
    epochs: int
    born: Born
    owner: str = ""
    beat: float = 0.0
    result: TrialResult | None = None
    misses: Mapping[str, float] | None = None
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A trial that this process is to run."""

    trial: optuna.Trial
    choice: Choice
    epochs: int

    @property
    def number(self) -> int:
        """The trial's number in the study."""
        return self.trial.number


def owner() -> str:
    """This process, so that another can find out whether it lives: machine, number and start."""
    return f"{socket.gethostname()}:{os.getpid()}:{_start(os.getpid())}"


class Study:
    """A search's trials. Every method may be called while other processes work on the same study, and none is cut by Ctrl-C."""

    def __init__(self, study: optuna.Study, moves: Moves, seed: int) -> None:
        self._study, self._moves, self._seed = study, moves, seed
        self._owner = owner()
        url = str(getattr(getattr(study._storage, "_backend", None), "url", ""))
        self._turns = Path(url.removeprefix("sqlite:///") + ".lock") if url.startswith("sqlite:///") else None

    @property
    def name(self) -> str:
        """The study's name in its storage."""
        return self._study.study_name

    @whole()
    def entries(self) -> tuple[Entry, ...]:
        """All trials."""
        return tuple(entries_of(self._study))

    @whole()
    def offer(self, choice: Choice, epochs: int, born: Born) -> bool:
        """Have a choice tried, by whoever comes first; False when it was offered before."""
        if any(entry.key == choice.key(epochs) for entry in self.entries() if entry.state != "dropped"):
            return False
        self._enqueue(choice, epochs, born)
        return True

    @whole()
    def claim(self) -> Claim | None:
        """The next trial that waits, now this process's; None when none does."""
        import optuna

        while self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.WAITING,)):
            trial = self._ask()
            if "key" not in trial.user_attrs:  # somebody else took the last one, and this is a new one
                self._drop(trial)
                continue
            claim = self._taken(trial)
            if claim is not None:
                return claim
        return None

    @whole()
    def vary(self, parent: Choice, epochs: int) -> Claim | None:
        """A new trial, a step or two from `parent`, or one that waits; None when it was tried before."""
        trial = self._ask()
        if "key" in trial.user_attrs:
            return self._taken(trial)
        choice = propose(trial, parent, self._moves, self._seed + trial.number)
        for name, value in _attributes(choice, epochs, "varied").items():
            trial.set_user_attr(name, value)
        if self._is_second(None, choice.key(epochs), but=trial.number):
            self._drop(trial)
            return None
        return Claim(trial, choice, epochs)

    def _ask(self) -> optuna.Trial:
        """Optuna's next trial, signed. SQLite would give one that waits to two processes at once: there they take turns."""
        with contextlib.ExitStack() as stack:
            if self._turns is not None:
                turn = stack.enter_context(self._turns.open("a"))
                fcntl.flock(turn, fcntl.LOCK_EX)
            trial = self._study.ask()
            self._sign(trial)
            return trial

    def _taken(self, trial: optuna.Trial) -> Claim | None:
        """A trial that was offered; None when it was offered twice, and this is the later one."""
        attributes = trial.user_attrs
        choice = Choice.from_json(attributes["choice"])
        for name, (number, highest) in numbers_of(choice, self._moves).items():
            trial.suggest_int(name, 0, max(highest, number))
        if self._is_second(trial.number, attributes["key"]):
            self._drop(trial)
            return None
        return Claim(trial, choice, int(attributes["epochs"]))

    @whole()
    def beat(self, claim: Claim) -> None:
        """Say that a trial is being worked on."""
        claim.trial.set_user_attr("beat", time.time())

    @whole()
    def finish(self, claim: Claim, result: TrialResult, misses: Mapping[str, float], values: Sequence[float]) -> None:
        """Write down a result.

        Every budget's miss is one of Optuna's constraints, which it adds up: of accuracy a thousandth, for what costs too much is
        no better when it loses less.
        """
        for name, miss in misses.items():
            claim.trial.set_constraint(name, miss / 1000 if name in ACCURACY else miss)
        claim.trial.set_user_attr("result", plain(result))
        claim.trial.set_user_attr("misses", dict(misses))
        self._study.tell(claim.trial, list(values))

    @whole()
    def fail(self, claim: Claim, error: TrialError) -> None:
        """Write down that a recipe gives no model."""
        import optuna

        claim.trial.set_user_attr("error", asdict(error))
        self._study.tell(claim.trial, state=optuna.trial.TrialState.FAIL)

    @whole()
    def give_back(self, claim: Claim) -> None:
        """Leave a trial that came to no end to whoever comes next."""
        self._drop(claim.trial)
        born = claim.trial.user_attrs.get("born", "varied")
        self._enqueue(claim.choice, claim.epochs, born)

    @whole()
    def revive(self) -> int:
        """Offer again what a dead process was running; how many."""
        import optuna

        count = 0
        for entry in self.entries():
            if entry.state != "running" or _lives(entry, self._owner):
                continue
            with contextlib.suppress(ValueError, RuntimeError, optuna.exceptions.UpdateFinishedTrialError):
                # of several processes that see it dead, one can finish it, and that one offers it
                self._study.tell(entry.number, state=optuna.trial.TrialState.FAIL)
                if entry.key:
                    self._enqueue(entry.choice, entry.epochs, entry.born)
                    count += 1
        return count

    def _enqueue(self, choice: Choice, epochs: int, born: Born) -> None:
        numbers = {name: number for name, (number, _) in numbers_of(choice, self._moves).items()}
        self._study.enqueue_trial(numbers, user_attrs=_attributes(choice, epochs, born))

    def _sign(self, trial: optuna.Trial) -> None:
        trial.set_user_attr("owner", self._owner)
        trial.set_user_attr("beat", time.time())

    def _drop(self, trial: optuna.Trial) -> None:
        """End a trial without a result and without an error, which is how `entries_of` knows it."""
        import optuna

        self._study.tell(trial, state=optuna.trial.TrialState.FAIL)

    def _is_second(self, number: int | None, key: str, but: int = -1) -> bool:
        """Whether another trial, before `number` where it is given, is of the same key."""
        return any(
            entry.key == key and entry.state != "dropped" and entry.number != but and (number is None or entry.number < number)
            for entry in self.entries()
        )


def entries_of(study: optuna.Study) -> Iterator[Entry]:
    """The trials of a study, as far as they say what they are."""
    from optuna.trial import TrialState

    states: dict[TrialState, State] = {
        TrialState.WAITING: "waiting",
        TrialState.RUNNING: "running",
        TrialState.COMPLETE: "done",
        TrialState.FAIL: "dropped",
    }
    for trial in study.get_trials(deepcopy=False):
        attributes = trial.user_attrs
        choice = attributes.get("choice")
        yield Entry(
            number=trial.number,
            state="failed" if "error" in attributes else states.get(trial.state, "dropped"),
            key=attributes.get("key", ""),
            choice=Choice.from_json(choice) if choice else _NOTHING,
            epochs=int(attributes.get("epochs", 0)),
            born=attributes.get("born", "varied"),
            owner=attributes.get("owner", ""),
            beat=float(attributes.get("beat", 0.0 if trial.datetime_start is None else trial.datetime_start.timestamp())),
            result=_result(attributes),
            misses=attributes.get("misses"),
            values=tuple(trial.values or ()),
        )


def _attributes(choice: Choice, epochs: int, born: Born) -> dict[str, Any]:
    return {"key": choice.key(epochs), "choice": choice.to_json(), "epochs": epochs, "born": born}


def _result(attributes: Mapping[str, Any]) -> TrialResult | None:
    if "error" in attributes:
        return TrialResult(error=TrialError(**attributes["error"]))
    if "result" not in attributes:
        return None
    values = dict(attributes["result"])
    figures = values.pop("figures")
    values.pop("error", None)
    return TrialResult(**values, figures=Figures(**figures))


def _lives(entry: Entry, me: str) -> bool:
    """Whether the process that runs a trial is there: on this machine it is looked for, on another its last sign counts."""
    host, _, rest = entry.owner.rpartition(":")[0].rpartition(":")
    if not host or host != socket.gethostname():
        return time.time() - entry.beat < _DEAD
    return entry.owner == me or _start(int(rest)) == entry.owner.rpartition(":")[2]


def _start(process: int) -> str:
    """When a process began, in the kernel's ticks (proc(5), field 22 of stat); "" of one that is not there, or a zombie."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return _without_proc(process)
    return "" if fields[0] == "Z" else fields[19]


def _without_proc(process: int) -> str:
    """Where the kernel shows no processes: "alive", or ""."""
    if os.path.isdir("/proc/self"):
        return ""
    try:
        os.kill(process, 0)
    except OSError:
        return ""
    return "alive"


_NOTHING = Choice.from_json({"design": {"treatments": {}, "clusters": 0, "weights": "int8"}, "learning_rate": 0.0, "options": {}})
