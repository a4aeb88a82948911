"""`edgepack search` on a terminal: the winner's verdicts, the best points, and where everything is."""

from __future__ import annotations

from rich.console import Console

from edgepack.report import format as fmt
from edgepack.report.html.search import COLUMNS, search_headline
from edgepack.report.search import SearchPoint, SearchReport
from edgepack.report.terminal.tables import Column, print_line, print_table
from edgepack.report.words import status_of

_SHOWN = 8
_STYLES = {"PASS": "bold green", "FAIL": "bold red", "NOT MEASURED": "yellow"}


def print_search(report: SearchReport, console: Console) -> None:
    """The verdicts, the best trials and the next bests."""
    print_line(console, "")
    style = "bold green" if report.exit_code == 0 else "bold yellow" if report.stopped else "bold red"
    print_line(console, f"{report.name} for {report.target}: ", (search_headline(report), style))
    rows = [
        (
            (status_of(verdict), _STYLES[verdict.status]),
            fmt.label(verdict.budget),
            fmt.judged_value(verdict),
            fmt.limit_of(verdict),
            verdict.why,
        )
        for verdict in report.verdicts
    ]
    heads = (Column("verdict"), Column("budget"), Column("measured", True), Column("limit", True), Column("why"))
    if rows:
        print_table(console, heads, rows)
    _print_points(report, console)
    if report.spread is not None:
        spread = report.spread
        text = f"drop {spread.mean:+.4f} on average, standard deviation {spread.deviation:.4f}"
        print_line(console, f"On {spread.folds} folds of the training data: {text}")
    for text in report.warnings:
        print_line(console, ("warning: ", "yellow"), text)


def _print_points(report: SearchReport, console: Console) -> None:
    trained = [point for point in report.points if point.kind == "trained"]
    best = sorted(trained, key=lambda point: (point.number != report.winner, point.missed, point.figures["accuracy_drop"]))
    known = [column for column in COLUMNS if any(column[0] in point.figures for point in trained)]
    columns = [Column("trial"), Column("")]
    columns += [Column(report.metric_name, True), *(Column(name.lower(), True) for _, name, _ in known)]
    rows = [
        (
            str(point.number),
            _mark(point, report),
            fmt.metric(point.metric),
            *(worded(point.figures[key]) if key in point.figures else "—" for key, _, worded in known),
            point.words,
        )
        for point in best[:_SHOWN]
    ]
    print_table(console, [*columns, Column("recipe")], rows)
    print_line(console, f"{report.done} trials, judged on validation examples; all of them, with predicted ones, in search.html")


def _mark(point: SearchPoint, report: SearchReport) -> str:
    marks = ((report.winner, "winner"), (report.smaller, "a little smaller"), (report.faster, "a little faster"))
    return ", ".join(word for number, word in marks if number == point.number) or ("misses a budget" if point.missed > 0 else "")
