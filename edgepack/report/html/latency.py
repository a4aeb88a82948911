"""The latency: its histogram and its figures."""

from __future__ import annotations

from edgepack.project.units import format_seconds
from edgepack.report import format as fmt
from edgepack.report.charts.histogram import Histogram, histogram
from edgepack.report.facts import conditions
from edgepack.report.report import Report


def latency_histogram(report: Report) -> Histogram | None:
    """The single inferences, with the percentiles and their limits."""
    marks = []
    for quantity, text in (("latency_p50", "p50"), ("latency_p95", "p95"), ("latency_p99", "p99")):
        item = report.measurement(quantity)
        if item is not None and item.value is not None and item.method != "estimate":
            marks.append((f"{text} {format_seconds(item.value)}", item.value, "measured"))
        limit = getattr(report.target.budget, quantity)
        if limit is not None:
            marks.append((f"{text} limit {format_seconds(limit)}", limit, "limit"))
    return histogram(report.latency_samples, marks)


def latency_line(report: Report) -> str:
    """How many inferences were timed, where, and under which conditions."""
    item = report.measurement("latency_p50")
    if item is None:
        return ""
    origin = fmt.method(item.method)
    under = conditions(item)
    return f"{len(report.latency_samples)} timed runs {origin}" + (f"; {under}" if under else "")


def latency_figures(report: Report) -> list[tuple[str, str]]:
    """Fastest, percentiles and slowest, as (name, text)."""
    ordered = sorted(report.latency_samples)
    if not ordered:
        return []
    found = [("fastest", ordered[0])]
    for quantity, name in (("latency_p50", "median"), ("latency_p95", "p95"), ("latency_p99", "p99")):
        item = report.measurement(quantity)
        if item is not None and item.value is not None:
            found.append((name, item.value))
    return [(name, format_seconds(value)) for name, value in [*found, ("slowest", ordered[-1])]]
