"""Metric against size: one point a step of the recipe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgepack.project.units import format_bytes
from edgepack.report.charts.frame import Frame, Scale, Tick, nice_range

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
