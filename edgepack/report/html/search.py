"""search.html: the points of a search as a picture and a table. The file loads nothing from anywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgepack.project.units import format_bytes, format_quantity, format_seconds
from edgepack.report import format as fmt
from edgepack.report.charts.pareto import ParetoChart, ParetoSample, pareto_chart
from edgepack.report.html.template import template
from edgepack.report.html.verdicts import LIMIT_AT, verdict_row
from edgepack.report.search import SearchPoint, SearchReport
from edgepack.report.words import status_of

_TEMPLATE = Path(__file__).parent / "search.html"

_COSTS: tuple[tuple[str, str, Callable[[float], str], bool], ...] = (
    ("flash", "flash", format_bytes, True),
    ("latency", "latency, estimated", format_seconds, False),
    ("model_size", "model size", format_bytes, True),
)
"""What a point may be drawn over: the figure, its name, how it is worded, whether it is in bytes."""

COLUMNS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("accuracy_drop", "Drop", lambda value: f"{value:+.4f}"),
    ("loss", "Loss", lambda value: f"{value:.4g}"),
    ("flash", "Flash", format_bytes),
    ("ram", "RAM", format_bytes),
    ("latency", "Latency", format_seconds),
    ("instructions", "Instructions", fmt.count),
    ("macs", "MACs", fmt.count),
    ("model_size", "Model", format_bytes),
)
"""The figures of a point: their key, their heading, and how they are worded."""


@dataclass(frozen=True)
class PointRow:
    """A point as the table shows it."""

    name: str
    kind: str
    tags: tuple[str, ...]
    words: str
    recipe: str
    epochs: str
    metric: str
    cells: tuple[str, ...]
    verdicts: tuple[tuple[str, str], ...]


def search_html(report: SearchReport) -> str:
    """The outcome as one HTML page."""
    known = [column for column in COLUMNS if any(column[0] in point.figures for point in report.points)]
    return template(_TEMPLATE).render(
        report=report,
        title=f"Search: {report.name} for {report.target}",
        headline=search_headline(report),
        created=report.created[:16].replace("T", " "),
        objectives=", then ".join(fmt.label(name).lower() for name in report.objectives),
        tone="pass" if report.exit_code == 0 else "part" if report.stopped else "fail",
        seconds=f"{report.seconds:.0f} s" if report.seconds < 120 else f"{report.seconds / 60:.0f} min",
        verdicts=[verdict_row(verdict) for verdict in report.verdicts],
        limit_at=LIMIT_AT,
        charts=[chart for chart in (_chart(report, *cost) for cost in _COSTS) if chart is not None][:2],
        columns=[name for _, name, _ in known],
        rows=[_row(point, report, known) for point in sorted(report.points, key=_order)],
        winner=report.point(report.winner),
    )


def search_headline(report: SearchReport) -> str:
    """The result in a line: whether the winner meets the budgets, and where that was seen."""
    where = "on the validation examples; it was stopped before the test split" if report.stopped else "on the test split"
    judged = [verdict for verdict in report.verdicts if verdict.status != "NOT MEASURED"]
    missed = [fmt.label(verdict.budget) for verdict in judged if verdict.status == "FAIL"]
    if not report.verdicts:
        return "The target sets no budgets"
    if missed:
        return f"The best recipe found misses {', '.join(missed)} {where}"
    open_ = len(report.verdicts) - len(judged)
    beside = f", {open_} not measured" if open_ else ""
    return f"The best recipe found meets {len(judged)} of {len(report.verdicts)} budgets{beside} {where}"


def _chart(report: SearchReport, key: str, name: str, worded: Callable[[float], str], in_bytes: bool) -> ParetoChart | None:
    samples = [
        ParetoSample(point.figures[key], point.figures["accuracy_drop"], _kind(point, report), _detail(point, key, worded))
        for point in report.points
        if point.kind == "trained" and key in point.figures
    ]
    limits = {verdict.budget: verdict.limit for verdict in report.verdicts}
    cost_limit = limits.get("latency_p50" if key == "latency" else key)
    return pareto_chart(samples, name, worded, (cost_limit, limits.get("accuracy_drop")), in_bytes)


def _kind(point: SearchPoint, report: SearchReport) -> str:
    if point.number == report.winner:
        return "winner"
    return "best" if point.best else "trained" if point.missed <= 0 else "missed"


def _detail(point: SearchPoint, key: str, worded: Callable[[float], str]) -> str:
    return f"trial {point.number}: {worded(point.figures[key])}, drop {point.figures['accuracy_drop']:+.4f} ({point.words})"


def _order(point: SearchPoint) -> tuple[bool, float, float]:
    return point.kind == "predicted", point.missed, point.figures.get("accuracy_drop", point.figures.get("loss", 0.0))


def _row(point: SearchPoint, report: SearchReport, columns: list[tuple[str, str, Callable[[float], str]]]) -> PointRow:
    trained = point.kind == "trained"
    marks = ((report.winner, "winner"), (report.smaller, "a little smaller"), (report.faster, "a little faster"))
    tags = [word for number, word in marks if trained and number == point.number]
    return PointRow(
        name=f"trial {point.number}" if trained else "not trained",
        kind=point.kind,
        tags=tuple(tags if tags else ["front"] if point.best else []) if trained else ("predicted",),
        words=point.words,
        recipe=point.recipe,
        epochs=str(point.epochs) if trained else "—",
        metric=fmt.metric(point.metric),
        cells=tuple(worded(point.figures[key]) if key in point.figures else "—" for key, _, worded in columns),
        verdicts=tuple(
            (
                verdict.status.split()[0],
                f"{status_of(verdict)} {fmt.label(verdict.budget)} {fmt.judged_value(verdict)} / "
                f"{format_quantity(verdict.limit, verdict.unit)}",
            )
            for verdict in point.verdicts
        ),
    )
