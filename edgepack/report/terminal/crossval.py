"""`edgepack crossval` on a terminal."""

from __future__ import annotations

from rich.console import Console

from edgepack.project.units import format_bytes
from edgepack.report import format as fmt
from edgepack.report.crossval import CrossValidation
from edgepack.report.terminal.tables import Column, print_line, print_table


def print_crossval(result: CrossValidation, console: Console) -> None:
    """A row a candidate, and which one to take."""
    print_line(console, "")
    baseline = sum(result.baselines) / len(result.baselines)
    print_line(
        console,
        (f"{result.option}, {result.folds} folds", "bold"),
        f": {result.metric_name} of the float model on held-out folds {baseline:.4f} (mean)",
    )
    columns = [Column(result.option), Column(f"{result.metric_name} (mean)", True), Column("drop (mean)", True)]
    columns += [Column("spread", True), Column("mean + error", True), Column("zeros", True), Column(".tflite", True), Column("")]
    rows = [
        (
            item.value,
            fmt.metric(sum(item.metrics) / len(item.metrics)),
            f"{item.mean:+.4f}",
            f"{item.spread:.4f}",
            f"{item.mean + item.error:+.4f}",
            fmt.share(item.sparsity),
            format_bytes(item.bytes),
            ("chosen", "bold green") if item.value == result.chosen else "",
        )
        for item in result.candidates
    ]
    print_table(console, columns, rows)
    if result.chosen is None:
        print_line(console, (f"No candidate stays within a drop of {result.max_drop:g}.", "bold red"))
    else:
        print_line(
            console,
            f"{result.option} = {result.chosen} is the last candidate whose mean drop and its standard error stay within "
            f"{result.max_drop:g}.",
        )
    if result.pretrained:
        print_line(
            console,
            ("note: ", "yellow"),
            "the float model came trained, perhaps on the examples held out here: the drops lean high.",
        )
