"""The outcome of a search, as search.json holds it and a terminal and a page show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from edgepack.ground.plain import NOT_IN_JSON
from edgepack.judge import Verdict


@dataclass(frozen=True)
class SearchPoint:
    """A recipe and its figures.

    `kind` says whether it was trained, or its figures are predicted and nothing was trained. `figures` maps flash, ram,
    instructions, latency (s), model_size, macs and accuracy_drop to numbers, without what the target cannot tell; of a predicted
    one there is a `loss` instead of the drop. `missed` is by how much it misses budgets, as shares of their limits. `best` marks
    what no other trained one beats in every objective, among those that miss least.
    """

    kind: Literal["trained", "predicted"]
    number: int | None
    words: str
    recipe: str
    epochs: int
    figures: Mapping[str, float]
    missed: float
    verdicts: tuple[Verdict, ...] = ()
    metric: float | None = None
    best: bool = False


@dataclass(frozen=True)
class Spread:
    """The winner on folds of the training data: its drop on each fold held out, their mean and their standard deviation."""

    folds: int
    drops: tuple[float, ...]
    mean: float
    deviation: float


@dataclass(frozen=True)
class SearchReport:
    """What a search found.

    `verdicts` are of the winner on the project's test split, or on the validation examples when the search was stopped before
    that; `metric` and `baseline` are the .tflite's and the float model's on the test split. `reproduced`: training it once more
    gave the same bytes. `smaller` and `faster` are the numbers of the best points beside the winner that need less flash or
    model size, and less time. `exit_code` is 0 when every budget is met.
    """

    name: str
    target: str
    title: str
    metric_name: str
    objectives: tuple[str, ...]
    study: str
    storage: str
    created: str
    seconds: float
    stopped: bool
    done: int
    failed: int
    rungs: tuple[int, ...]
    winner: int | None
    points: tuple[SearchPoint, ...]
    verdicts: tuple[Verdict, ...] = ()
    metric: float | None = None
    baseline: float | None = None
    sha256: str = ""
    reproduced: bool | None = None
    smaller: int | None = None
    faster: int | None = None
    spread: Spread | None = None
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    exit_code: int = 1
    recipe_file: Path | None = field(default=None, compare=False, metadata=NOT_IN_JSON)
    model_file: Path | None = field(default=None, compare=False, metadata=NOT_IN_JSON)
    file: Path | None = field(default=None, compare=False, metadata=NOT_IN_JSON)

    def point(self, number: int | None) -> SearchPoint | None:
        """The trained point of a trial."""
        return next((point for point in self.points if point.number == number and point.kind == "trained"), None)
