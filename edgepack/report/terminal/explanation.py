"""`edgepack explain` on a terminal: advice first, then the figures it follows from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from edgepack.report.losses import ERROR_COLUMNS, LABEL_COLUMNS, error_rows, label_rows, worst_confusions
from edgepack.report.terminal.report import print_step_table
from edgepack.report.terminal.tables import Column, print_line, print_table

if TYPE_CHECKING:
    from edgepack.compress.sensitivity import Sensitivity
    from edgepack.diagnosis import Explanation, LayerErrors


def print_explanation(explanation: Explanation, console: Console) -> None:
    """Advice, the step table, the layers' errors, what each layer takes, and the most frequent mistakes."""
    print_line(console, "")
    print_line(console, (f"{explanation.name}: what to try next", "bold"))
    for line in explanation.advice:
        print_line(console, f"- {line}")
    print_line(console, "")
    if explanation.steps:
        print_step_table(explanation.steps, explanation.steps[0].metric_name, console)
    _print_errors(explanation.errors, console)
    if explanation.sensitivity is not None:
        _print_sensitivity(explanation.sensitivity, console)
    labels = label_rows(explanation.labels, explanation.classes)
    if labels:
        print_line(console, ("Labels of the .tflite on the test split", "bold"))
        print_table(console, [Column(name, right=index > 0) for index, name in enumerate(LABEL_COLUMNS)], labels)
    mistakes = worst_confusions(explanation.confusion, explanation.classes)
    if mistakes:
        print_line(console, ("Most frequent mistakes of the .tflite on the test split", "bold"))
        print_table(
            console, (Column("true class"), Column("taken for"), Column("examples", True), Column("of its class", True)), mistakes
        )


def _print_errors(errors: LayerErrors, console: Console) -> None:
    print_line(console, (f"Float model against the quantized file, {errors.examples} examples, worst layer first", "bold"))
    columns = [Column(name, right=index > 1) for index, name in enumerate(ERROR_COLUMNS)]
    print_table(console, columns, error_rows(errors))
    if errors.alone:
        print_line(console, (f"Without a counterpart in the float model: {', '.join(errors.alone)}", "dim"))


def _print_sensitivity(scan: Sensitivity, console: Console) -> None:
    print_line(
        console,
        (f"Each layer alone, without training: {scan.metric_name} lost", "bold"),
        f" ({scan.examples} validation examples; unchanged: {scan.metric:.4f})",
    )
    if not scan.layers:
        return
    first = scan.layers[0]
    columns = [Column("layer"), Column("kind"), Column("weights", True)]
    columns += [Column(f"{bits} bit", True) for bits, _ in first.bits]
    columns += [Column(f"{100 * share:.0f} % zeros", True) for share, _ in first.sparsities]
    rows = [
        (layer.layer, layer.kind, f"{layer.weights:,}", *(f"{drop:+.4f}" for _, drop in (*layer.bits, *layer.sparsities)))
        for layer in scan.layers
    ]
    print_table(console, columns, rows)
