"""One trial: a recipe trained, converted and compiled, and what came of it. Plain data in and out: any process can run it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from edgepack.ground.errors import DataError, EdgepackError, RecipeError
from edgepack.ground.files import sha256_file
from edgepack.ground.progress import Progress, SilentProgress
from edgepack.pipeline.build import load_inputs
from edgepack.pipeline.candidate import Candidate, try_recipe
from edgepack.pipeline.request import Plan, Request, prepare
from edgepack.search.choice import steps_of
from edgepack.search.deadline import OutOfTime, until
from edgepack.search.figures import Figures, compiled_figures
from edgepack.sources.data.folds import judge_by_validation

if TYPE_CHECKING:
    from edgepack.project import Target
    from edgepack.sources import Dataset, SourceModel


@dataclass(frozen=True)
class TrialTask:
    """A recipe to be tried on a project: what is sent to whoever runs it.

    `request` names project, target and overrides, `recipe` holds `[[recipe]]` tables. A trial that has not ended by `deadline`
    (seconds since 1970) is given up.
    """

    request: Request
    recipe: Sequence[Mapping[str, Any]]
    deadline: float | None = None


@dataclass(frozen=True)
class TrialError:
    """Why a recipe gives no model: the error's code and its line."""

    code: str
    message: str


@dataclass(frozen=True)
class TrialResult:
    """What a recipe gives, judged on the validation examples and on the compiled C of the target.

    `metric` is of the .tflite, `baseline` of the float model, `drop` how much worse it is. `model` is the .tflite on the machine
    that made it, `sha256` its hash; `seconds` is how long it took, `float_seconds` what the float model once took. `error`
    instead of all that where the recipe gives no model. `unfinished`: the deadline came first.
    """

    metric: float = 0.0
    baseline: float = 0.0
    drop: float = 0.0
    figures: Figures | None = None
    model: str = ""
    sha256: str = ""
    seconds: float = 0.0
    float_seconds: float = 0.0
    error: TrialError | None = None
    unfinished: bool = False


@dataclass(frozen=True)
class Bench:
    """A project, opened for trials; `data` has the validation examples as its test split, `whole` is the project's own."""

    plan: Plan
    source: SourceModel
    whole: Dataset
    data: Dataset

    @property
    def target(self) -> Target:
        """The profile."""
        return self.plan.target


def open_bench(request: Request, progress: Progress) -> Bench:
    """Read a project's model and data for trials.

    Raises:
        RecipeError: EP-430 for a ready .tflite.
        DataError: EP-325 for data without validation examples.
        EdgepackError: what else keeps it from being opened.
    """
    plan = prepare(request, progress)
    source, whole = load_inputs(plan, progress)
    if source.kind == "tflite" or whole is None:
        raise RecipeError("EP-430", f"{source.file.name}: a .tflite has no recipe to search for", "give the Keras project")
    return Bench(plan, source, whole, judge_by_validation(whole))


def run_trial(task: TrialTask, bench: Bench | None = None, progress: Progress | None = None) -> TrialResult:
    """Train, convert, evaluate and compile a recipe; finished stages come from the project's cache.

    Without a `bench` the project is opened here, once in each process.
    """
    start = time.monotonic()
    bench = bench or _opened(_Frozen(task.request))
    shown = until(progress or SilentProgress(), task.deadline)
    try:
        tried = try_on(bench, bench.data, task.recipe, shown)
        figures = compiled_figures(tried.model, bench.target)
    except OutOfTime:
        return TrialResult(unfinished=True)
    except DataError:
        raise
    except EdgepackError as error:
        if error.exit_code != RecipeError.exit_code:  # a missing tool or a wrong project is no fault of this recipe
            raise
        return TrialResult(error=TrialError(error.code, str(error)), seconds=time.monotonic() - start)
    return TrialResult(
        metric=tried.metric,
        baseline=tried.baseline,
        drop=bench.plan.metric.drop(tried.baseline, tried.metric),
        figures=figures,
        model=str(tried.model),
        sha256=sha256_file(tried.model),
        seconds=time.monotonic() - start,
        float_seconds=tried.compressed.steps[0].seconds,
    )


def try_on(bench: Bench, data: Dataset, tables: Sequence[Mapping[str, Any]], progress: Progress) -> Candidate:
    """The model of a recipe's tables, trained and judged on `data`."""
    plan = bench.plan
    return try_recipe(bench.source, data, steps_of(tables), plan.metric, plan.cache, progress)


class _Frozen:
    """A request as a key: equal when it is written the same."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self._text = repr(request)

    def __hash__(self) -> int:
        return hash(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frozen) and other._text == self._text


@lru_cache(maxsize=1)
def _opened(key: _Frozen) -> Bench:
    return open_bench(key.request, SilentProgress())
