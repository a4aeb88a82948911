"""The report of a search: every point with its figures and verdicts, the winner, and what is a little smaller or faster."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgepack.ground.files import write_atomic
from edgepack.ground.plain import plain
from edgepack.judge import Verdict
from edgepack.report.html.search import search_html
from edgepack.report.search import SearchPoint, SearchReport, Spread
from edgepack.search.choice import words
from edgepack.search.design import Design, RecipeTables
from edgepack.search.found import judged, toml_of
from edgepack.search.loop import place_of
from edgepack.search.standing import pareto
from edgepack.search.study import Entry
from edgepack.search.trial import Bench, TrialResult

_SLACK = 0.02
"""How much more may be missed, or lost in the metric, by what is offered as a little smaller or faster than the winner."""


@dataclass(frozen=True)
class Outcome:
    """What came of a search, as it goes into its report; `final` is the winner on the project's own data, `predicted` and `says`
    are what was predicted before anything was trained."""

    study: str
    storage: str
    objectives: tuple[str, ...]
    rungs: tuple[int, ...]
    entries: tuple[Entry, ...]
    best: Entry
    final: TrialResult | None
    spread: Spread | None
    stopped: bool
    seconds: float
    created: str
    predicted: Sequence[tuple[Design, SearchPoint]] = ()
    says: str = ""


def report_of(
    outcome: Outcome,
    bench: Bench,
    before: RecipeTables,
    verdicts: tuple[Verdict, ...],
    recipe_file: Path,
    model_file: Path | None,
) -> SearchReport:
    """The report; `verdicts` are of the winner, on the test split where it was run there.

    Of what was predicted those points remain that no trial has trained.
    """
    done = [entry for entry in outcome.entries if entry.state == "done"]
    least = min(place_of(entry).rank for entry in done)
    good = [entry for entry in done if place_of(entry).rank == least]
    on_front = {good[at].number for at in pareto([entry.values for entry in good])}
    points = [_point(entry, bench, before, entry.number in on_front) for entry in done]
    trained = [entry.choice.design for entry in done]
    errors = [entry.result.error for entry in outcome.entries if entry.result is not None and entry.result.error is not None]
    final, trial = outcome.final, outcome.best.result
    assert trial is not None
    reproduced = None if final is None else final.sha256 == trial.sha256
    return SearchReport(
        name=bench.plan.project.name,
        target=bench.target.name,
        title=bench.target.title,
        metric_name=bench.plan.metric.name,
        objectives=outcome.objectives,
        study=outcome.study,
        storage=outcome.storage,
        created=outcome.created,
        seconds=round(outcome.seconds, 1),
        stopped=outcome.stopped,
        done=len(done),
        failed=len(errors),
        rungs=outcome.rungs,
        winner=outcome.best.number,
        points=(*points, *(point for design, point in outcome.predicted if design not in trained)),
        verdicts=verdicts,
        metric=None if final is None else final.metric,
        baseline=None if final is None else final.baseline,
        sha256=(final or trial).sha256,
        reproduced=reproduced,
        smaller=_next_best(done, outcome.best, ("flash", "model_size")),
        faster=_next_best(done, outcome.best, ("latency", "macs")),
        spread=outcome.spread,
        warnings=(*((outcome.says,) if outcome.says else ()), *_warnings(verdicts, reproduced)),
        errors=tuple(sorted({f"{error.code} {error.message}" for error in errors})),
        exit_code=0 if final is not None and _met(verdicts) else 1,
        recipe_file=recipe_file,
        model_file=model_file,
    )


def write_search(report: SearchReport, folder: Path) -> SearchReport:
    """Write search.json and search.html into `folder`; the report with its file."""
    report = replace(report, file=folder / "search.json")
    write_atomic(folder / "search.json", json.dumps(plain(report), indent=1))
    write_atomic(folder / "search.html", search_html(report))
    return report


def _point(entry: Entry, bench: Bench, before: RecipeTables, on_front: bool) -> SearchPoint:
    result = entry.result
    assert result is not None and result.figures is not None
    return SearchPoint(
        kind="trained",
        number=entry.number,
        words=words(entry.choice),
        recipe=toml_of(entry, before),
        epochs=entry.epochs,
        figures={**result.figures.known, "accuracy_drop": result.drop},
        missed=place_of(entry).missed,
        verdicts=judged(bench, result, f"{len(bench.data.test)} validation examples"),
        metric=result.metric,
        best=on_front,
    )


def _met(verdicts: Sequence[Verdict]) -> bool:
    """Whether every budget is met that can be told without the target's hardware, on estimates too."""
    return all(verdict.status == "PASS" or (verdict.status == "NOT MEASURED" and verdict.needs_hardware) for verdict in verdicts)


def _warnings(verdicts: Sequence[Verdict], reproduced: bool | None) -> tuple[str, ...]:
    untold = [verdict.budget for verdict in verdicts if verdict.status == "NOT MEASURED"]
    found = []
    if untold:
        found.append(f"{', '.join(untold)} can only be measured by deploying to the target: no part of the search")
    if reproduced is False:
        found.append("training the winner once more gave other bytes: its figures here are of the second training")
    return tuple(found)


def _next_best(done: Sequence[Entry], best: Entry, names: Sequence[str]) -> int | None:
    """The trial that needs less than the winner of the first of `names` that is known, and loses least by it.

    It may lose no more than a little of the metric, and miss budgets no more than a little beyond what the winner misses.
    """
    assert best.result is not None and best.result.figures is not None
    name = next((name for name in names if getattr(best.result.figures, name) is not None), None)
    if name is None:
        return None
    mine = getattr(best.result.figures, name)
    able = [
        entry
        for entry in done
        if entry.result is not None
        and entry.result.figures is not None
        and getattr(entry.result.figures, name) < mine
        and place_of(entry).missed <= place_of(best).missed + _SLACK
        and entry.result.drop <= best.result.drop + _SLACK
    ]
    return min(able, key=_loss, default=best).number if able else None


def _loss(entry: Entry) -> tuple[float, float, int]:
    assert entry.result is not None
    return place_of(entry).missed, entry.result.drop, entry.number
