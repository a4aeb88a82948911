"""The step table, and its chart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from edgepack.project.units import format_bytes
from edgepack.report import format as fmt
from edgepack.report.charts.accuracy import AccuracyChart, Sample, accuracy_chart
from edgepack.report.report import Report

if TYPE_CHECKING:
    from edgepack.compress import StepResult


def step_row(step: StepResult) -> dict[str, str]:
    """A step's figures as texts; `kind` is "file" for the row of the .tflite."""
    return {
        "label": step.label or step.step,
        "kind": "file" if step.step == "convert" else "step",
        "metric": fmt.metric_with_interval(step.metric, step.interval),
        "entropy": fmt.bits(step.entropy),
        "sparsity": fmt.share(step.sparsity),
        "distinct": fmt.count(step.distinct),
        "parameters": fmt.count(step.parameters),
        "macs": fmt.count(step.macs),
        "float": fmt.size(step.float_bytes),
        "int8": fmt.size(step.int8_bytes),
        "deflated": fmt.size(step.deflated_bytes),
        "file": "" if step.file_bytes is None else fmt.size(step.file_bytes),
        "notes": " ".join(step.notes),
    }


def steps_chart(report: Report) -> AccuracyChart | None:
    """The metric after each step against the size of the weights, and the metric that was measured."""
    samples = [
        Sample(
            size=float(step.deflated_bytes),
            metric=step.metric,
            label=step.label or step.step,
            detail=f"{step.label}: {fmt.metric(step.metric)} at {format_bytes(step.deflated_bytes)}",
        )
        for step in report.steps
        # The row of the finished file counts the whole file, not its weights: another size than the axis shows.
        if step.step != "convert" and not math.isnan(step.metric)
    ]
    shipped = report.measurement("accuracy")
    if samples and shipped is not None and shipped.value is not None:
        detail = f"the deployed .tflite, {fmt.method(shipped.method)}: {fmt.metric(shipped.value)}"
        samples.append(Sample(samples[-1].size, shipped.value, "deployed", detail, "device"))
    return accuracy_chart(samples, _lowest_accepted(report))


def _lowest_accepted(report: Report) -> float | None:
    """The metric at which the accuracy budget ends (the highest, where less is better)."""
    allowed, model = report.target.budget.accuracy_drop, report.model
    if allowed is None or model is None or model.baseline is None:
        return None
    higher_is_better = report.metric_name != "mse" if model.higher_is_better is None else model.higher_is_better
    return model.baseline - allowed if higher_is_better else model.baseline + allowed
