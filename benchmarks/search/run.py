"""What a search finds in a given time: `python benchmarks/search/run.py [NAME …] [--time 10m] [--data NAME=PATH …]`.

For each question of bars.toml, a sample's budgets, `edgepack search` runs for a time; then, with the same float model and for
the same time each, designs drawn evenly from the same space, and designs drawn by Optuna's TPE that knows no first front and no
rungs. The sample's own recipes are judged beside them. All are judged on the validation examples and the compiled C, the best
of each also on the test split. Writes results.json and results.md beside itself; rows of questions that were not run stay.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.bars import ROOT, Bar, Row, arguments, read_bars, run_bars  # noqa: E402
from benchmarks.command import run_command  # noqa: E402
from benchmarks.search import table  # noqa: E402
from edgepack.api.inputs import as_request  # noqa: E402
from edgepack.ground.progress import SilentProgress, choose_progress  # noqa: E402
from edgepack.pipeline.given import written_tables  # noqa: E402
from edgepack.pipeline.request import Request  # noqa: E402
from edgepack.project import load_project  # noqa: E402
from edgepack.search.choice import Choice, words  # noqa: E402
from edgepack.search.moves import anywhere  # noqa: E402
from edgepack.search.search import run_search  # noqa: E402
from edgepack.search.standing import Standing, standing  # noqa: E402
from edgepack.search.start import begin  # noqa: E402
from edgepack.search.storage import import_optuna  # noqa: E402
from edgepack.search.trial import Bench, TrialResult, TrialTask, open_bench, run_trial  # noqa: E402
from edgepack.search.wish import Wish, seconds_of  # noqa: E402

OBJECTIVES = ("accuracy_drop", "flash")
_WORST_DROP = 0.3
"""The drop of the hypervolume's corner: a model that loses more counts for nothing."""


@dataclass(frozen=True)
class Tried:
    """A recipe that was trained: what it is called, its tables, and what came of it on the validation examples."""

    name: str
    tables: Sequence[dict[str, Any]]
    result: TrialResult
    place: Standing


def main() -> int:
    """Run the asked questions and write the results; 1 when a search did worse than a recipe made by hand."""
    parser = arguments(__doc__, read_bars(HERE))
    parser.add_argument("--time", default=None, help="for each way, instead of the question's own: 10m, 1h")
    return run_bars(HERE, parser, measure, table.line, table.render)


def measure(name: str, bar: Bar, data: dict[str, Path], asked: argparse.Namespace) -> Row:
    """One question's row, JSON-able."""
    seconds = seconds_of(asked.time or bar["time"])
    with tempfile.TemporaryDirectory(prefix="edgepack-search-") as scratch:
        folder = Path(scratch) / bar["project"]  # what is found must not lie in the sample
        ignored = shutil.ignore_patterns("build", ".edgepack")
        shutil.copytree(ROOT / "sample_models" / bar["project"], folder, ignore=ignored)
        changes = [*(f"budget.{key}={value}" for key, value in bar["budget"].items()), *asked.set]
        request = as_request(folder, target=bar["target"], settings=changes, data=data.get(bar.get("data", "")))
        bench = open_bench(request, choose_progress(False))
        before = written_tables([step for step in bench.plan.recipe if step.place == "first"])
        start = begin(bench, before, choose_progress(False))  # the float model, for all of them
        report = run_search(request, Wish(minimise=OBJECTIVES, seconds=seconds), choose_progress(False))
        found = [
            _placed(
                bench, f"trial {point.number}", [], replace(_EMPTY, drop=point.figures["accuracy_drop"], figures=_figures(point))
            )
            for point in report.points
            if point.kind == "trained"
        ]
        ways = {"search": found}
        for way in ("random", "tpe"):
            ways[way] = _drawn(way, bench, start.moves, start.choices[0], start.epochs, before, seconds)
        hand = _by_hand(bench, request, folder)
        corner = (_WORST_DROP, max(each.place.values[1] for group in (*ways.values(), hand) for each in group))
        best_hand = min(hand, key=_rank)
        tested = {way: _tested(bench, min(group, key=_rank)) for way, group in ways.items() if way != "search" and group}
        winner = report.point(report.winner)
        assert winner is not None and report.metric is not None and report.baseline is not None
        row = {
            "name": name,
            "project": bar["project"],
            "target": bar["target"],
            "budget": dict(bar["budget"]),
            "seconds": seconds,
            "epochs": start.epochs,
            "machine": f"{os.cpu_count()} cores, {platform.machine()}",
            "trials": {way: len(group) for way, group in ways.items()},
            "hypervolume": {way: hypervolume([each.place.values for each in group], corner) for way, group in ways.items()},
            "hand": {**_tested(bench, best_hand), "name": best_hand.name},
            "search": {
                "name": winner.words,
                "missed": sum(_misses(bench, replace(_EMPTY, drop=report.baseline - report.metric, figures=_figures(winner)))),
                "drop": bench.plan.metric.drop(report.baseline, report.metric),
                "flash": winner.figures["flash"],
            },
            **tested,
        }
    return row | {"met": row["search"]["missed"] <= row["hand"]["missed"] + 1e-9}


def hypervolume(points: Sequence[Sequence[float]], corner: tuple[float, float]) -> float:
    """The share of the rectangle from 0 to `corner` that the points dominate, both figures to be small."""
    area, height = 0.0, corner[1]
    for drop, flash in sorted((max(0.0, float(drop)), float(flash)) for drop, flash in points):
        if drop < corner[0] and flash < height:
            area += (corner[0] - drop) * (height - flash)
            height = flash
    return area / (corner[0] * corner[1])


def _drawn(
    way: str, bench: Bench, moves: Any, like: Choice, epochs: int, before: list[dict[str, Any]], seconds: float
) -> list[Tried]:
    """Trials of the whole space for a time: evenly, or by TPE, each trained for all epochs."""
    optuna = import_optuna()
    samplers: dict[str, Callable[[], Any]] = {
        "random": lambda: optuna.samplers.RandomSampler(seed=0),
        "tpe": lambda: optuna.samplers.TPESampler(seed=1),  # with 0 it would begin with the even draws, which are cached
    }
    study = optuna.create_study(directions=["minimize"] * len(OBJECTIVES), sampler=samplers[way]())
    end, found = time.time() + seconds, []
    while time.time() < end:
        trial = study.ask()
        choice = anywhere(trial, like, moves)
        tables = choice.tables(epochs, before)
        result = run_trial(TrialTask(bench.plan.request, tables, end), bench, SilentProgress())
        if result.unfinished or result.error is not None:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            continue
        each = _placed(bench, words(choice), tables, result)
        for budget, miss in each.place.misses.items():
            trial.set_constraint(budget, miss)
        study.tell(trial, list(each.place.values))
        found.append(each)
        print(f"{way}: {each.name}: drop {result.drop:+.4f}", file=sys.stderr)
    return found


def _by_hand(bench: Bench, request: Request, folder: Path) -> list[Tried]:
    """The sample's own recipes, each as it is written."""
    files = [None, *sorted(file for file in (folder / "recipes").glob("*.toml") if not file.name.startswith("found-"))]
    found = []
    for file in files:
        project = load_project(folder, () if file is None else (f"recipe=recipes/{file.name}",))
        tables = [{"step": step.step, **step.options} for step in project.recipe]
        result = run_trial(TrialTask(request, tables), bench, choose_progress(False))
        if result.error is None:
            found.append(_placed(bench, "edgepack.toml" if file is None else file.stem, tables, result))
    return found


def _tested(bench: Bench, tried: Tried) -> dict[str, Any]:
    """A recipe on the project's test split."""
    result = run_trial(TrialTask(bench.plan.request, tried.tables), replace(bench, data=bench.whole), choose_progress(False))
    assert result.figures is not None
    return {"name": tried.name, "missed": sum(_misses(bench, result)), "drop": result.drop, "flash": result.figures.flash}


def _placed(bench: Bench, name: str, tables: Sequence[dict[str, Any]], result: TrialResult) -> Tried:
    return Tried(name, tables, result, standing(result, bench.target, OBJECTIVES, bench.plan.metric.higher_is_better))


def _misses(bench: Bench, result: TrialResult) -> list[float]:
    return list(standing(result, bench.target, OBJECTIVES, bench.plan.metric.higher_is_better).misses.values())


def _rank(tried: Tried) -> tuple[float, tuple[float, ...]]:
    return tried.place.missed, tried.place.values


def _figures(point: Any) -> Any:
    from edgepack.search.figures import Figures

    names = ("flash", "ram", "instructions", "latency", "model_size", "macs")
    return Figures(**{name: point.figures.get(name) for name in names})


_EMPTY = TrialResult()


if __name__ == "__main__":
    run_command(main)
