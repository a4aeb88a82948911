"""A deployment's report on a terminal: the verdicts and the step table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from edgepack.report import format as fmt
from edgepack.report.report import Report
from edgepack.report.stairs import stairs
from edgepack.report.terminal.tables import STATUS_STYLES, Column, print_line, print_table
from edgepack.report.words import (
    STEP_COLUMNS,
    STEP_LEGEND,
    coding_sentence,
    device_sentence,
    headline,
    model_label,
    stairs_sentence,
    status_of,
    tone_of,
)

if TYPE_CHECKING:
    from edgepack.compress import StepResult

_TONES = {"pass": "bold green", "fail": "bold red", "part": "bold yellow"}


def print_report(report: Report, console: Console) -> None:
    """The verdicts with how each was measured, the steps, and the warnings."""
    print_line(console, "")
    where = f"{model_label(report)}: "
    print_line(console, where, (headline(report), _TONES[tone_of(report)]), (f". {device_sentence(report)}", "dim"))
    if report.verdicts:
        rows = [
            (
                (status_of(verdict), STATUS_STYLES[verdict.status]),
                fmt.label(verdict.budget),
                fmt.judged_value(verdict),
                fmt.limit_of(verdict),
                verdict.why,
            )
            for verdict in report.verdicts
        ]
        print_table(
            console, (Column("verdict"), Column("budget"), Column("measured", True), Column("limit", True), Column("why")), rows
        )
    if report.steps:
        print_step_table(report.steps, report.metric_name, console)
    below = stairs(report)
    for line in ([] if below is None else [stairs_sentence(below)]) + ([coding_sentence(report.coding)] if report.coding else []):
        print_line(console, line)
    if below is not None or report.coding:
        print_line(console, "")
    for text in report.warnings:
        print_line(console, ("warning: ", "yellow"), text)


def print_step_table(steps: Sequence[StepResult], metric: str, console: Console) -> None:
    """The step table: after each step the metric with its 95 % interval, parameters, multiply-accumulates, zeros, distinct codes
    in a channel, entropy in bits per weight, and sizes; and a line that says what the columns are."""
    columns = (STEP_COLUMNS[0], metric, *STEP_COLUMNS[1:])
    rows = [
        (
            step.label or step.step,
            fmt.metric_with_interval(step.metric, step.interval),
            fmt.count(step.parameters),
            fmt.count(step.macs),
            fmt.share(step.sparsity),
            fmt.count(step.distinct),
            fmt.bits(step.entropy),
            fmt.size(step.float_bytes),
            fmt.size(step.int8_bytes),
            fmt.size(step.deflated_bytes),
            "" if step.file_bytes is None else fmt.size(step.file_bytes),
        )
        for step in steps
    ]
    print_table(console, [Column(name, right=index > 0) for index, name in enumerate(columns)], rows)
    print_line(console, (STEP_LEGEND, "dim"))
    print_line(console, "")
