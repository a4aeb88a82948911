"""The outcome of a search as a page and on a terminal."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace

import pytest
from rich.console import Console

from edgepack.ground.plain import plain
from edgepack.judge import judge
from edgepack.measure import Measurement
from edgepack.project import load_target
from edgepack.project.units import format_bytes
from edgepack.report import SearchPoint, SearchReport, Spread, print_search
from edgepack.report.charts.pareto import ParetoSample, pareto_chart
from edgepack.report.html.search import search_html


def _verdicts(flash: float, drop: float):
    target = load_target("cortex-m4")
    target = replace(target, budget=replace(type(target.budget)(), flash=8192, accuracy_drop=0.02))
    return judge(
        target,
        [Measurement("flash", flash, "bytes", "file"), Measurement("accuracy_drop", drop, "", "host")],
        real_hardware=False,
    )


def _point(number: int, flash: float, drop: float, **others) -> SearchPoint:
    figures = {"flash": flash, "latency": flash * 1e-7, "accuracy_drop": drop}
    missed = max(0.0, flash / 8192 - 1) + max(0.0, drop / 0.02 - 1)
    words = f"prune {10 * number} % of 2 layers"
    return SearchPoint("trained", number, words, "[[recipe]]\n", 9, figures, missed, _verdicts(flash, drop), 0.9, **others)


REPORT = SearchReport(
    name="kws",
    target="cortex-m4",
    title="Cortex-M4",
    metric_name="accuracy",
    objectives=("accuracy_drop",),
    study="edgepack-kws-1",
    storage="journal.log",
    created="2026-01-01T00:00:00+00:00",
    seconds=61.0,
    stopped=False,
    done=3,
    failed=1,
    rungs=(1, 3, 9),
    winner=4,
    points=(
        _point(2, 12_000, 0.001),
        _point(4, 8_000, 0.01, best=True),
        _point(6, 6_000, 0.015),
        SearchPoint("predicted", None, "ternary weights in 2 layers", "", 9, {"flash": 4_000, "loss": 0.4}, 0.0),
    ),
    verdicts=_verdicts(8_000, 0.012),
    metric=0.95,
    baseline=0.96,
    sha256="ab" * 32,
    reproduced=True,
    smaller=6,
    faster=6,
    spread=Spread(3, (0.01, 0.02, 0.03), 0.02, 0.01),
    errors=("EP-414 <b>zeros</b> lost",),
    exit_code=0,
)


def _printed(report: SearchReport) -> str:
    stream = io.StringIO()
    print_search(report, Console(file=stream, width=200))
    return stream.getvalue()


def test_the_page_has_every_point_marks_predicted_ones_and_loads_nothing() -> None:
    page = search_html(REPORT)
    rows = re.findall(r'<tr class="(\w+)">(.*?)</tr>', page, re.S)
    assert [kind for kind, _ in rows] == ["trained", "trained", "trained", "predicted"]
    names = [re.search(r"<td>(.*?)<", row)[1] for _, row in rows]
    assert names == ["trial 4", "trial 6", "trial 2", "not trained"]  # those that miss a budget after the others
    assert "winner" in rows[0][1] and "a little smaller" in rows[1][1] and "tag predicted" in rows[3][1] and "0.4" in rows[3][1]
    assert "FAIL Flash 11.7 KiB / 8 KiB" in rows[2][1]
    assert "meets 2 of 2 budgets on the test split" in page and "3 folds" in page
    assert "&lt;b&gt;zeros" in page and "<b>zeros" not in page
    assert not re.search(r"(src|href)=|url\(|@import|<script", page)
    circles = re.findall(r'<circle class="(\w+)"', page)
    assert circles == ["missed", "winner", "trained"] * 2  # over flash, and over latency


def test_a_stopped_search_says_what_it_did_not_do() -> None:
    stopped = replace(REPORT, stopped=True, exit_code=1)
    for text in (search_html(stopped), _printed(stopped)):
        assert "on the validation examples; it was stopped before the test split" in text


def test_a_terminal_shows_the_winner_first() -> None:
    text = _printed(REPORT)
    rows = [line.split()[0] for line in text.splitlines() if "prune" in line]
    assert rows == ["4", "6", "2"] and "a little smaller, a little faster" in text and "+0.0200 on average" in text
    missed = _printed(replace(REPORT, verdicts=_verdicts(9_000, 0.012), exit_code=1))
    assert "misses Flash on the test split" in missed


def test_it_is_strict_json() -> None:
    values = json.loads(json.dumps(plain(REPORT), allow_nan=False))
    assert values["points"][0]["verdicts"][0]["status"] in ("PASS", "FAIL") and "recipe_file" not in values


@pytest.mark.parametrize("limit", [None, 8192.0, 10_000_000.0])
def test_points_lie_where_their_figures_are(limit: float | None) -> None:
    samples = [
        ParetoSample(4096, 0.02, "best", "a"),
        ParetoSample(8192, 0.0, "winner", "b"),
        ParetoSample(16384, 0.01, "missed", "c"),
    ]
    chart = pareto_chart(samples, "flash", format_bytes, (limit, 0.015), in_bytes=True)
    left, middle, right = chart.dots
    ticks = {tick.text: tick.position for tick in chart.x_ticks}
    assert ticks["4 KiB"] == left.x and ticks["8 KiB"] == middle.x and ticks["16 KiB"] == right.x
    assert left.y < right.y < middle.y  # what loses more is higher
    assert chart.path == f"M{left.x:g} {left.y:g} L{middle.x:g} {middle.y:g}"
    assert (chart.x_limit is not None) == (limit == 8192.0) and left.y < chart.y_limit.position < right.y
    assert pareto_chart(samples[:1], "flash", format_bytes, (None, None)) is None
