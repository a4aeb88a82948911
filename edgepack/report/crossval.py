"""The outcome of a cross-validation, as crossval.json holds it and a terminal shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edgepack.ground.plain import NOT_IN_JSON


@dataclass(frozen=True)
class Candidate:
    """A value of the option, over all folds.

    `metrics` are of the .tflite on each held-out fold, `drops` how much worse than the float model on the same fold. `mean` and
    `spread` are of the drops (spread: standard deviation with one degree of freedom less), `error` is the mean's standard error.
    `sparsity` and `bytes` are the files' means.
    """

    value: str
    metrics: tuple[float, ...]
    drops: tuple[float, ...]
    mean: float
    spread: float
    error: float
    sparsity: float
    bytes: float


@dataclass(frozen=True)
class CrossValidation:
    """All candidates in the order given. `chosen` is the last one whose mean drop plus its standard error is within `max_drop`.

    That is the one-standard-error rule of Breiman et al. 1984 (Classification and Regression Trees, section 3.4.3), on the side
    of caution. `pretrained`: the float model came with weights that may have been trained on what is held out here, so that drops
    lean high. `file` is where this is written, no part of it.
    """

    option: str
    folds: int
    seed: int
    metric_name: str
    max_drop: float
    baselines: tuple[float, ...]
    candidates: tuple[Candidate, ...]
    chosen: str | None
    pretrained: bool
    file: Path | None = field(default=None, compare=False, metadata=NOT_IN_JSON)
