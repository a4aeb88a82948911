"""The staircase of bytes: a bar for each point, each as long as the weights have bytes there."""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.project.units import format_bytes
from edgepack.report import format as fmt
from edgepack.report.charts.frame import Frame, Scale
from edgepack.report.stairs import Stair, Stairs

_ROW, _BAR = 34, 20
_NAME_LENGTH = 26  # characters that fit beside the bars


@dataclass(frozen=True)
class Step:
    """A bar: `end` is where it ends, `bound_end` where an entropy coder would, `drop` the top of the next bar's row."""

    y: float
    name: str
    title: str
    end: float
    bound_end: float | None
    text: str
    metric: str
    kind: str
    drop: float | None


@dataclass(frozen=True)
class StairsChart:
    """The bars from above; `bar` is their height, `described` all of them in words."""

    frame: Frame
    bar: float
    steps: tuple[Step, ...]
    described: str


def stairs_chart(stairs: Stairs) -> StairsChart:
    """The drawing of a staircase."""
    frame = Frame(width=760, height=30 + _ROW * len(stairs.stairs), left=176, right=238, top=28, bottom=0)
    x = Scale(0, max(1, *(stair.bytes for stair in stairs.stairs)), frame.left, frame.x_end)
    last = len(stairs.stairs) - 1
    steps = [
        Step(
            y=frame.top + _ROW * index,
            name=stair.name if len(stair.name) <= _NAME_LENGTH else f"{stair.name[: _NAME_LENGTH - 1]}…",
            title=_words(stair, stairs),
            end=x(stair.bytes),
            bound_end=None if stair.bound is None else x(min(stair.bound, stair.bytes)),
            text=_beside(stair, stairs),
            metric="" if stair.metric is None else fmt.metric(stair.metric),
            kind=stair.kind,
            drop=None if index == last else frame.top + _ROW * (index + 1),
        )
        for index, stair in enumerate(stairs.stairs)
    ]
    return StairsChart(frame, _BAR, tuple(steps), "; ".join(step.title for step in steps))


def _beside(stair: Stair, stairs: Stairs) -> str:
    smaller = stairs.stairs[0].bytes / max(1, stair.bytes)
    factor = f", {smaller:.1f}x smaller" if stair.kind in ("file", "coded") and smaller > 1 else ""
    bound = f", bound {format_bytes(stair.bound)}" if stair.bound is not None and stair.kind == "step" else ""
    return f"{format_bytes(stair.bytes)}{factor}{bound}"


def _words(stair: Stair, stairs: Stairs) -> str:
    bound = "" if stair.bound is None else f", entropy bound {stair.bound:,}"
    measured = f" {fmt.method(stair.how)}" if stair.how else ""
    metric = "" if stair.metric is None else f", {stairs.metric_name} {fmt.metric(stair.metric)}{measured}"
    return f"{stair.name}: {stair.bytes:,} bytes{bound}{metric}"
