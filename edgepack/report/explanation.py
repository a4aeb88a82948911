"""`edgepack explain` on a terminal: advice first, then the figures it follows from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console

from edgepack.report import format as fmt
from edgepack.report.terminal import Column, print_line, print_step_table, print_table

if TYPE_CHECKING:
    from edgepack.compress.sensitivity import Sensitivity
    from edgepack.explain import Explanation, LayerErrors

_WORST_CONFUSIONS = 8


def print_explanation(explanation: Explanation, console: Console) -> None:
    """Advice, the step table, the layers' errors, what each layer takes, and the most frequent mistakes."""
    print_line(console, "")
    print_line(console, (f"{explanation.name}: what to try next", "bold"))
    for line in explanation.advice:
        print_line(console, f"- {line}")
    print_line(console, "")
    if explanation.steps:
        print_step_table([vars(step) for step in explanation.steps], explanation.steps[0].metric_name, console)
    _print_errors(explanation.errors, console)
    if explanation.sensitivity is not None:
        _print_sensitivity(explanation.sensitivity, console)
    mistakes = worst_confusions(explanation.confusion, explanation.classes)
    if mistakes:
        print_line(console, ("Most frequent mistakes of the .tflite on the test split", "bold"))
        print_table(
            console, (Column("true class"), Column("taken for"), Column("examples", True), Column("of its class", True)), mistakes
        )


def error_rows(errors: LayerErrors | dict[str, Any]) -> list[tuple[str, ...]]:
    """A row of texts for each compared operator: layer, operator, SQNR, added noise, cosine, largest error, clipped, range used.

    `errors` is a LayerErrors, or what its JSON holds.
    """
    layers = errors["layers"] if isinstance(errors, dict) else [vars(layer) for layer in errors.layers]
    return [
        (
            layer["layer"],
            layer["operator"],
            "exact" if layer["sqnr"] is None else f"{layer['sqnr']:.1f} dB",
            f"{layer['added']:.2g}" if layer["added"] else "—",
            f"{layer['cosine']:.5f}",
            f"{layer['largest']:.3g}" + ("" if layer["steps"] is None else f" ({layer['steps']:.1f} steps)"),
            _clipped(layer["clipped"]),
            fmt.share(layer["range_used"]),
        )
        for layer in layers
    ]


def _clipped(share: float) -> str:
    return "< 0.01 %" if 0 < share < 1e-4 else fmt.share(share)


ERROR_COLUMNS = ("layer", "operator", "SQNR", "added noise", "cosine", "largest error", "clipped", "range used")


def worst_confusions(
    confusion: tuple[tuple[int, ...], ...] | list[list[int]] | None, classes: tuple[str, ...] | list[str]
) -> list[tuple[str, str, str, str]]:
    """The most frequent mistakes: true class, predicted class, how many examples, and their share of the true class."""
    if confusion is None:
        return []
    found = [
        (count, true, taken) for true, row in enumerate(confusion) for taken, count in enumerate(row) if count and true != taken
    ]
    named = [classes[index] if index < len(classes) else str(index) for index in range(len(confusion))]
    return [
        (named[true], named[taken], str(count), fmt.share(count / sum(confusion[true])))
        for count, true, taken in sorted(found, key=lambda item: (-item[0], item[1], item[2]))[:_WORST_CONFUSIONS]
    ]


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
