"""What a search leaves: the winner's recipe, its model, and its figures on the project's own test split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgepack.compress import Recipe
from edgepack.ground.escape import one_line
from edgepack.ground.files import sha256_file, write_atomic
from edgepack.ground.progress import Progress
from edgepack.judge import Verdict
from edgepack.project.units import format_quantity
from edgepack.report import format as fmt
from edgepack.report.search import Spread
from edgepack.search.choice import steps_of, words
from edgepack.search.design import RecipeTables
from edgepack.search.figures import compiled_figures
from edgepack.search.standing import verdicts_of
from edgepack.search.study import Entry
from edgepack.search.trial import Bench, TrialResult, try_on
from edgepack.sources.data.folds import fold_data


def toml_of(entry: Entry, before: RecipeTables) -> str:
    """The `[[recipe]]` tables of a trial."""
    return Recipe(steps_of(entry.choice.tables(entry.epochs, before))).to_toml()


def write_recipe(file: Path, entry: Entry, before: RecipeTables, verdicts: Sequence[Verdict], heading: Sequence[str]) -> None:
    """A recipe file that `--set recipe=` takes, with what is known of it in comments above."""
    lines = [*heading, words(entry.choice), *(_figure(verdict) for verdict in verdicts)]
    comment = "".join(f"# {one_line(line)}\n" for line in lines)
    write_atomic(file, f"{comment}\n{toml_of(entry, before)}")


def _figure(verdict: Verdict) -> str:
    how = "" if verdict.measurement is None else f", {fmt.method(verdict.measurement.method)}"
    value = fmt.value_of(verdict.measurement)
    return f"{verdict.status}: {fmt.label(verdict.budget)} {value}{how}, limit {format_quantity(verdict.limit, verdict.unit)}"


def on_test_split(bench: Bench, entry: Entry, before: RecipeTables, progress: Progress) -> TrialResult:
    """The winner's recipe run as `edgepack deploy` runs it, on the project's own data, and judged on its test split."""
    tried = try_on(bench, bench.whole, entry.choice.tables(entry.epochs, before), progress)
    with progress.stage("Compiling the winner", bench.target.name):
        figures = compiled_figures(tried.model, bench.target)
    return TrialResult(
        metric=tried.metric,
        baseline=tried.baseline,
        drop=bench.plan.metric.drop(tried.baseline, tried.metric),
        figures=figures,
        model=str(tried.model),
        sha256=sha256_file(tried.model),
    )


def judged(bench: Bench, result: TrialResult, examples: str) -> tuple[Verdict, ...]:
    """The verdicts of a result; `examples` says on which the metric was computed."""
    return verdicts_of(result, bench.target, bench.plan.metric.higher_is_better, examples)


def spread_of(bench: Bench, entry: Entry, before: RecipeTables, folds: int, seed: int, progress: Progress) -> Spread:
    """The winner's recipe trained anew on each fold of the training data, and judged on what was held out.

    Raises:
        DataError: EP-321 when there are too few examples for the folds.
    """
    drops = []
    for number in range(folds):
        progress.note(f"fold {number + 1} of {folds}")
        fold = fold_data(bench.whole, folds, number, seed, bench.plan.cache, progress)
        tried = try_on(bench, fold, entry.choice.tables(entry.epochs, before), progress)
        drops.append(bench.plan.metric.drop(tried.baseline, tried.metric))
    return Spread(folds, tuple(drops), float(np.mean(drops)), float(np.std(drops, ddof=1)))
