"""How often which latency occurred."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgepack.project.units import format_seconds
from edgepack.report.charts.frame import Frame, Scale, Tick, nice_range


@dataclass(frozen=True)
class Bar:
    """A column of the histogram."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Mark:
    """A vertical line with a label; `row` keeps labels of near neighbours apart."""

    x: float
    text: str
    kind: str
    row: int
    anchor: str


@dataclass(frozen=True)
class Histogram:
    """How often which latency occurred; `cut` says what the last column holds when it reaches beyond the axis, else ""."""

    frame: Frame
    cut: str
    bars: tuple[Bar, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]


def histogram(samples: Sequence[float], marks: Sequence[tuple[str, float, str]]) -> Histogram | None:
    """The distribution of latencies in seconds; `marks` are (text, value, kind). None for fewer than five samples.

    Bins are at least as wide as the Freedman-Diaconis rule says. The slowest 1 % share the last bin when they are far away, so
    that one stall does not squash the rest.
    """
    values = sorted(value for value in samples if math.isfinite(value) and value >= 0)
    if len(values) < 5:
        return None
    frame = Frame(width=480, height=280, left=40, right=20, top=54, bottom=46)
    low, high, cut = values[0], values[-1], _quantile(values, 0.99)
    spread = _quantile(values, 0.75) - _quantile(values, 0.25)
    is_cut = high > cut + 4 * max(spread, 0.02 * cut)
    end = cut + max(spread, 0.02 * cut) if is_cut else high
    span = max(end - low, 0.02 * end, 1e-9)
    width = max(2 * spread / len(values) ** (1 / 3), span / 40)
    bins = max(5, min(40, math.ceil(span / width)))
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, int((value - low) / span * bins))] += 1
    x = Scale(low, low + span, frame.left, frame.x_end)
    y_low, y_high, y_steps = nice_range(0, max(counts), 4, smallest_span=4)
    y = Scale(y_low, y_high, frame.y_end, frame.top)
    edges = [low + span * index / bins for index in range(bins + 1)]
    bars = []
    for index, number in enumerate(counts):
        is_last = index == bins - 1 and is_cut
        upper = high if is_last else edges[index + 1]
        title = f"{number} of {len(values)} runs: {format_seconds(edges[index])} to {format_seconds(upper)}"
        left, right, top = x(edges[index]), x(edges[index + 1]), y(number)
        bars.append(Bar(left, top, round(max(0.5, right - left - 1), 1), round(frame.y_end - top, 1), title))
    _, _, x_steps = nice_range(low, low + span, 5)
    shown = [value for value in x_steps if low <= value <= low + span]
    return Histogram(
        frame=frame,
        cut=f"last column: up to {format_seconds(high)}" if is_cut else "",
        bars=tuple(bars),
        x_ticks=tuple(Tick(x(value), format_seconds(value)) for value in shown),
        y_ticks=tuple(Tick(y(value), f"{value:.0f}") for value in y_steps),
        marks=_marks(x, low + span, marks),
    )


def _marks(x: Scale, end: float, marks: Sequence[tuple[str, float, str]]) -> tuple[Mark, ...]:
    """Lines that are inside the drawing, labels in up to three rows."""
    placed: list[Mark] = []
    ends = [-math.inf] * 3
    for text, value, kind in sorted(marks, key=lambda mark: mark[1]):
        if not math.isfinite(value) or value > end or value < x.low:
            continue
        at, width = x(value), 6.0 * len(text) + 8
        anchor = "end" if at + width > x.end + 20 else "start"
        left = at - width if anchor == "end" else at
        row = next((number for number, right in enumerate(ends) if left >= right), 2)
        ends[row] = left + width
        placed.append(Mark(at, text, kind, row, anchor))
    return tuple(placed)


def _quantile(ordered: Sequence[float], part: float) -> float:
    position = part * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])
