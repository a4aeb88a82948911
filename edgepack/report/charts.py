"""The geometry of the report's charts: from figures to positions in a drawing, without any markup.

Drawings have their origin at the top left; all positions are in the units of the view box.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgepack.project.units import format_bytes, format_seconds


@dataclass(frozen=True)
class Frame:
    """The drawing's size and the margins around the plotting area."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float

    @property
    def x_end(self) -> float:
        """The plotting area's right edge."""
        return self.width - self.right

    @property
    def y_end(self) -> float:
        """The plotting area's lower edge."""
        return self.height - self.bottom


@dataclass(frozen=True)
class Scale:
    """A linear map of [low, high] to [start, end]."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The position of `value`, rounded to a tenth, kept inside the range."""
        part = (value - self.low) / (self.high - self.low)
        return round(self.start + min(1.0, max(0.0, part)) * (self.end - self.start), 1)


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    position: float
    text: str


# Where a label may stand from its point: text anchor and offset, the most pleasant first.
_PLACES = (
    ("middle", 0.0, -12.0),
    ("middle", 0.0, 21.0),
    ("start", 11.0, 4.0),
    ("end", -11.0, 4.0),
    ("start", 9.0, -9.0),
    ("start", 9.0, 17.0),
    ("end", -9.0, -9.0),
    ("end", -9.0, 17.0),
    ("middle", 0.0, -26.0),
    ("middle", 0.0, 35.0),
    ("start", 11.0, -22.0),
    ("start", 11.0, 30.0),
    ("end", -11.0, -22.0),
    ("end", -11.0, 30.0),
)


@dataclass(frozen=True)
class Point:
    """A step in the accuracy chart; `anchor`, `dx` and `dy` place its label clear of its neighbours."""

    x: float
    y: float
    label: str
    detail: str
    anchor: str
    dx: float
    dy: float
    kind: str


@dataclass(frozen=True)
class AccuracyChart:
    """Metric against size, one point a step; `limit` is the height of the lowest accepted metric, if a budget sets it."""

    frame: Frame
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    points: tuple[Point, ...]
    path: str
    limit: Tick | None


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


@dataclass(frozen=True)
class Sample:
    """A point to plot: size in bytes and metric, with what is said of it; `kind` is "step" or "device"."""

    size: float
    metric: float
    label: str
    detail: str
    kind: str = "step"


def accuracy_chart(samples: Sequence[Sample], limit: float | None = None) -> AccuracyChart | None:
    """The chart for at least two samples with finite values, in the order of the steps; else None."""
    samples = [sample for sample in samples if math.isfinite(sample.size) and math.isfinite(sample.metric)]
    if len(samples) < 2:
        return None
    frame = Frame(width=480, height=300, left=60, right=28, top=24, bottom=48)
    metrics = [sample.metric for sample in samples] + ([] if limit is None else [limit])
    y_low, y_high, y_steps = nice_range(min(metrics), max(metrics), 5, smallest_span=0.01)
    x_low, x_high, x_steps = nice_range(0, max(sample.size for sample in samples) * 1.04, 5, smallest_span=64, base=1024)
    x = Scale(x_low, x_high, frame.left, frame.x_end)
    y = Scale(y_low, y_high, frame.y_end, frame.top)
    points = _labelled([(x(sample.size), y(sample.metric), sample) for sample in samples], frame)
    line = [(point.x, point.y) for point in points]
    return AccuracyChart(
        frame=frame,
        x_ticks=tuple(Tick(x(value), format_bytes(value)) for value in x_steps),
        y_ticks=tuple(Tick(y(value), _metric_text(value, y_steps)) for value in y_steps),
        points=tuple(points),
        path="M" + " L".join(f"{px:g} {py:g}" for px, py in line),
        limit=None if limit is None else Tick(y(limit), f"lowest accepted {limit:.4f}"),
    )


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


def nice_range(
    low: float, high: float, count: int, smallest_span: float = 0.0, base: float = 10
) -> tuple[float, float, tuple[float, ...]]:
    """Round bounds around [low, high] and the ticks in between, about `count` of them, at steps of 1, 2 or 5.

    With base 1024 steps are powers of two, for sizes in bytes.
    """
    if high - low < smallest_span:
        middle = (low + high) / 2
        low, high = (0.0, smallest_span) if low == 0 else (middle - smallest_span / 2, middle + smallest_span / 2)
    rough = max((high - low) / count, 1e-12)
    if base == 1024:
        step = 2.0 ** math.ceil(math.log2(rough) - 1e-9)
    else:
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    return first * step, last * step, tuple(index * step for index in range(first, last + 1))


def _metric_text(value: float, steps: Sequence[float]) -> str:
    step = steps[1] - steps[0]
    return f"{value:.{max(0, min(6, -math.floor(math.log10(step) + 1e-9)))}f}"


def _labelled(placed: Sequence[tuple[float, float, Sample]], frame: Frame) -> list[Point]:
    """Each label at the first place around its point that touches neither another label, a point nor the frame."""
    boxes = [(x - 7, y - 7, x + 7, y + 7) for x, y, _ in placed]
    points: list[Point] = []
    for number, (x, y, sample) in enumerate(placed):
        width = 6.3 * len(sample.label)
        best, best_box, best_cost = _PLACES[0], boxes[number], math.inf
        for order, (anchor, dx, dy) in enumerate(_PLACES):
            left = x + dx - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
            box = (left, y + dy - 10, left + width, y + dy + 3)
            outside = box[0] < frame.left + 2 or box[2] > frame.width - 2 or box[1] < 2 or box[3] > frame.y_end - 1
            clashes = sum(_touch(box, other) for index, other in enumerate(boxes) if index != number)
            cost = 100 * clashes + 60 * outside + order
            if cost < best_cost:
                best, best_box, best_cost = (anchor, dx, dy), box, cost
        boxes.append(best_box)
        points.append(Point(x, y, sample.label, sample.detail, best[0], best[1], best[2], sample.kind))
    return points


def _touch(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


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
