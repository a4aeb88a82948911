"""The verdicts, and the figures above them."""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.judge.verdict import Verdict
from edgepack.report import format as fmt
from edgepack.report.report import Report
from edgepack.report.words import status_of

# Where the limit stands on a verdict's scale, in per cent of the scale's width: misses up to 1.5 times show their size.
LIMIT_AT = 66.0


@dataclass(frozen=True)
class VerdictRow:
    """A verdict as shown: `fill` is the bar's length in per cent, None when nothing was judged."""

    status: str
    status_text: str
    name: str
    value: str
    limit: str
    method: str
    why: str
    fill: float | None
    estimate: bool


def verdict_row(verdict: Verdict) -> VerdictRow:
    """A verdict, worded and measured."""
    measurement = verdict.measurement
    fill = None
    if verdict.status != "NOT MEASURED" and measurement is not None and measurement.value is not None:
        part = measurement.value / verdict.limit if verdict.limit else float(measurement.value > 0) * 2
        fill = round(min(100.0, max(0.0, part * LIMIT_AT)), 1)
    return VerdictRow(
        status=verdict.status,
        status_text=status_of(verdict),
        name=fmt.label(verdict.budget),
        value=fmt.judged_value(verdict),
        limit=fmt.limit_of(verdict),
        method="" if measurement is None else fmt.method(measurement.method),
        why=verdict.why,
        fill=fill,
        estimate=verdict.on_estimate,
    )


def key_figures(report: Report) -> list[tuple[str, str]]:
    """The few figures one looks for first, as (name, text)."""
    figures: list[tuple[str, str]] = []
    accuracy = report.measurement("accuracy")
    if accuracy is not None:
        figures.append((report.metric_name, fmt.metric(accuracy.value)))
    size = report.measurement("model_size")
    if size is not None:
        figures.append(("model", fmt.value_of(size)))
    for quantity, name in (("flash", "flash"), ("ram", "RAM"), ("latency_p50", "median latency")):
        item = report.measurement(quantity)
        if item is not None:
            how = "" if item.method == "hardware" else f", {fmt.method(item.method)}"
            figures.append((f"{name}{how if quantity == 'latency_p50' else ''}", fmt.value_of(item)))
    if report.totals is not None and report.totals.macs:
        figures.append(("MACs", fmt.count(report.totals.macs)))
    return figures
