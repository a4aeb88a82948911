"""Accuracy lost against what a recipe costs: a point each, the winner and the budgets marked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgepack.report.charts.frame import Frame, Scale, Tick, nice_range


@dataclass(frozen=True)
class ParetoDot:
    """A point of the drawing; `kind` is "winner", "best", "trained" or "missed"."""

    x: float
    y: float
    kind: str
    detail: str


@dataclass(frozen=True)
class ParetoChart:
    """Points, axes, the line through the best ones, and where the limits are (None: no such budget)."""

    frame: Frame
    x_name: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    dots: tuple[ParetoDot, ...]
    path: str
    x_limit: Tick | None
    y_limit: Tick | None
    described: str


@dataclass(frozen=True)
class ParetoSample:
    """A point to plot: its cost (bytes, seconds or a number), the metric it lost, and what is said of it."""

    cost: float
    drop: float
    kind: str
    detail: str


def pareto_chart(
    samples: Sequence[ParetoSample],
    name: str,
    worded: Callable[[float], str],
    limits: tuple[float | None, float | None],
    in_bytes: bool = False,
) -> ParetoChart | None:
    """The chart of at least two finite samples, else None; `worded` writes a cost, `limits` are those of cost and drop."""
    samples = [sample for sample in samples if math.isfinite(sample.cost) and math.isfinite(sample.drop)]
    if len(samples) < 2:
        return None
    frame = Frame(width=760, height=340, left=64, right=24, top=24, bottom=52)
    costs, drops = [sample.cost for sample in samples], [sample.drop for sample in samples]
    x_limit, y_limit = limits
    costs += [x_limit] if x_limit is not None and x_limit <= 2 * max(costs) else []
    drops += [y_limit] if y_limit is not None else []
    x_low, x_high, x_steps = nice_range(min(costs), max(costs), 6, max(costs) * 0.01, base=1024 if in_bytes else 10)
    y_low, y_high, y_steps = nice_range(min(0.0, *drops), max(drops), 5, smallest_span=0.01)
    x = Scale(x_low, x_high, frame.left, frame.x_end)
    y = Scale(y_low, y_high, frame.y_end, frame.top)
    dots = [ParetoDot(x(each.cost), y(each.drop), each.kind, each.detail) for each in samples]
    line = sorted((dot.x, dot.y) for dot in dots if dot.kind in ("winner", "best"))
    return ParetoChart(
        frame=frame,
        x_name=name,
        x_ticks=tuple(Tick(x(value), worded(value)) for value in x_steps),
        y_ticks=tuple(Tick(y(value), f"{value:.3g}") for value in y_steps),
        dots=tuple(dots),
        path="M" + " L".join(f"{px:g} {py:g}" for px, py in line) if len(line) > 1 else "",
        x_limit=Tick(x(x_limit), f"limit {worded(x_limit)}") if x_limit is not None and x_low <= x_limit <= x_high else None,
        y_limit=Tick(y(y_limit), f"limit {y_limit:g}") if y_limit is not None else None,
        described="; ".join(dot.detail for dot in dots),
    )
