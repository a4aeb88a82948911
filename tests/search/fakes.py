"""A search without a model: trials whose figures are a formula of the choice, so that what should win is known."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from edgepack.metrics import load_metric
from edgepack.pipeline.request import Request
from edgepack.project import Target, load_target
from edgepack.search.choice import Choice
from edgepack.search.design import Design, Treatment
from edgepack.search.figures import Figures
from edgepack.search.loop import Limits, Loop
from edgepack.search.moves import Moves
from edgepack.search.storage import open_storage, open_study
from edgepack.search.study import Claim, Study
from edgepack.search.trial import TrialError, TrialResult, TrialTask

LAYERS = ("first", "second")
MOVES = Moves(
    layers={name: frozenset({"sparsity", "clustered", "few_bits"}) for name in LAYERS},
    sparsities=(0.0, 0.25, 0.5, 0.75),
    clusters=(0, 16),
    weights=("int8", "ternary", "binary"),
    options={"learning_rate": (0.001, 0.003), "teacher": ("", "float")},
)
RUNGS = (1, 3, 9)


def target_with(**budget: Any) -> Target:
    target = load_target("cortex-m4")
    return replace(target, budget=replace(type(target.budget)(), **budget))


def sparse(first: float, second: float, rate: float = 0.001) -> Choice:
    return Choice(Design({"first": Treatment(sparsity=first), "second": Treatment(sparsity=second)}), rate)


def figures(flash: int, **others: Any) -> Figures:
    return Figures(
        **{"flash": flash, "ram": 1000, "instructions": 5000, "latency": 0.001, "model_size": 2000, "macs": 900, **others}
    )


def result(flash: int = 1000, drop: float = 0.0, **others: Any) -> TrialResult:
    return TrialResult(0.9 - drop, 0.9, drop, figures(flash, **others), "none", "00", 0.01)


def played(choice: Choice, epochs: int) -> TrialResult:
    """Zeros save flash and cost accuracy, the second layer's ten times as much, more training wins half of it back."""
    if choice.design.weights == "binary":
        return TrialResult(error=TrialError("EP-414", "no"))
    zeros = {name: choice.design.treatments.get(name, Treatment()).sparsity for name in LAYERS}
    lost = (zeros["first"] * 0.02 + zeros["second"] * 0.2) / (1 if epochs == 1 else 2)
    return result(int(10_000 - 4_000 * zeros["first"] - 4_000 * zeros["second"]), lost)


class Playing:
    """A crew that plays trials, each by a function of its choice and epochs."""

    def __init__(self, play: Callable[[Claim], TrialResult]) -> None:
        self._play, self._next = play, None

    free = property(lambda self: int(self._next is None))
    busy = property(lambda self: () if self._next is None else (self._next,))

    def start(self, claim: Claim, task: TrialTask) -> None:
        assert task.recipe[-1]["step"] == "quantize"
        self._next = claim

    def ended(self) -> list[tuple[Claim, TrialResult]]:
        claim = self._next
        if claim is None:
            return []
        played_ = self._play(claim)
        self._next = None
        return [(claim, played_)]


def study_in(folder: Path, storage: str | None = None, objectives: tuple[str, ...] = ("accuracy_drop",), seed: int = 0) -> Study:
    return Study(open_study(open_storage(storage, folder), "edgepack-fake-1", objectives, {"target": "m4"}, seed), MOVES, seed)


def loop_of(
    study: Study,
    target: Target,
    trials: int | None = None,
    seconds: float = 60.0,
    objectives: tuple[str, ...] = ("accuracy_drop",),
) -> Loop:
    plan = SimpleNamespace(request=Request(project=Path("none")), metric=load_metric("accuracy", Path()))
    bench: Any = SimpleNamespace(plan=plan, target=target)
    return Loop(bench, study, [], RUNGS, objectives, Limits(time.time() + seconds, trials), 0, lambda best, claim, result: None)


def main() -> None:
    """A process that takes part in a search: FOLDER LOG SECONDS-A-TRIAL TRIALS [STORAGE]; it logs each trial's begin and end."""
    folder, log, takes, trials, *storage = sys.argv[1:]

    def play(claim: Claim) -> TrialResult:
        for word in ("begin", "end"):
            with open(log, "a") as file:
                file.write(f"{word} {claim.choice.key(claim.epochs)}\n")
            time.sleep(float(takes) / 2)
        return played(claim.choice, claim.epochs)

    study = study_in(Path(folder), storage[0] if storage else None)
    for first in (0.0, 0.25, 0.5, 0.75):
        study.offer(sparse(first, 0.0), 1, "front")
    loop_of(study, target_with(flash=9_500), int(trials)).run(Playing(play))


if __name__ == "__main__":
    main()
