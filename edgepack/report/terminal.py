"""Reports for a terminal: compact tables with colour; plain aligned columns in a pipe or a log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgepack.measure.types import Measurement
from edgepack.project.units import format_bytes, format_quantity, format_seconds
from edgepack.report import format as fmt
from edgepack.report.report import Report, plain
from edgepack.report.words import device_sentence, headline, layer_sentences, metric_name, status_of, tone_of

if TYPE_CHECKING:
    from edgepack.flatbuffer import Inspection
    from edgepack.measure.layers import LayerTimes

_STYLES = {"PASS": "bold green", "FAIL": "bold red", "NOT MEASURED": "yellow"}
_TONES = {"pass": "bold green", "fail": "bold red", "part": "bold yellow"}


@dataclass(frozen=True)
class Column:
    """A column's heading, which side it is aligned to, and its colour on a terminal."""

    name: str
    right: bool = False
    style: str = ""


def print_report(report: Report, console: Console) -> None:
    """The verdicts with how each was measured, the steps, and the warnings."""
    print_line(console, "")
    where = f"{report.name} on {report.target.get('name', '')}: "
    print_line(console, where, (headline(report), _TONES[tone_of(report)]), (f". {device_sentence(report)}", "dim"))
    if report.verdicts:
        rows = [
            (
                (status_of(verdict), _STYLES[verdict.status]),
                fmt.label(verdict.budget),
                fmt.judged_value(verdict),
                format_quantity(verdict.limit, verdict.unit),
                verdict.why,
            )
            for verdict in report.verdicts
        ]
        print_table(
            console, (Column("verdict"), Column("budget"), Column("measured", True), Column("limit", True), Column("why")), rows
        )
    if report.steps:
        print_step_table(report.steps, metric_name(report), console)
    for text in report.warnings:
        print_line(console, ("warning: ", "yellow"), text)


def print_step_table(steps: Sequence[Mapping[str, Any]], metric: str, console: Console) -> None:
    """The step table: after each step the metric with its 95 % interval, parameters, multiply-accumulates, zeros, distinct codes
    in a channel, entropy in bits a weight, and sizes."""
    columns = ("step", metric, "parameters", "MACs", "zeros", "values", "bits", "int8", "deflated")
    rows = [
        (
            str(step.get("label") or step.get("step")),
            fmt.metric_with_interval(step.get("metric"), step.get("interval")),
            fmt.count(step.get("parameters")),
            fmt.count(step.get("macs")),
            fmt.share(step.get("sparsity")),
            fmt.count(step.get("distinct")),
            fmt.bits(step.get("entropy")),
            _bytes(step.get("int8_bytes")),
            _bytes(step.get("deflated_bytes")),
        )
        for step in steps
    ]
    print_table(console, [Column(name, right=index > 0) for index, name in enumerate(columns)], rows)


def print_measurements(measurements: Iterable[Measurement], console: Console) -> None:
    """What was measured, how, and under which conditions."""
    rows = []
    found: dict[str, list[str]] = {}
    for item in measurements:
        conditions = fmt.conditions(item)
        if conditions:
            found.setdefault(conditions, []).append(fmt.label(item.quantity))
        rows.append((fmt.label(item.quantity), fmt.value_of(item), fmt.METHODS.get(item.method, item.method), item.detail))
    print_table(console, (Column("quantity"), Column("value", True), Column("how"), Column("details")), rows)
    for conditions, names in found.items():
        print_line(console, (f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {conditions}", "dim"))


def print_layer_times(times: LayerTimes, console: Console) -> None:
    """The layers in the order they ran, their sum beside the whole inference, and how they were measured."""
    columns = (Column("layer"), Column("operator", style="dim"), Column("time", True), Column("share", True))
    rows = [(row.layer, row.kind, format_seconds(row.seconds), fmt.share(row.share)) for row in times.rows]
    print_table(console, columns, rows)
    for text in layer_sentences(plain(times)):
        print_line(console, (text, "dim"))


def print_inspection(inspection: Inspection, console: Console) -> None:
    """A model's operators with what they compute and store, and the totals."""
    columns = [
        Column("layer"),
        Column("operator", style="dim"),
        Column("output"),
        Column("MACs", True),
        Column("parameters", True),
    ]
    columns += [Column("bytes", True), Column("zeros", True), Column("values", True), Column("bits", True), Column("live", True)]
    columns.append(Column("quantization"))
    rows = []
    for layer in inspection.layers:
        weights = layer.weights
        stored = weights.elements > 0
        rows.append(
            (
                layer.layer,
                layer.operator if layer.in_tflm else f"{layer.operator} *",
                fmt.shape(list(layer.outputs[0].shape)) if layer.outputs else "",
                f"{layer.macs:,}" if layer.macs else "",
                f"{layer.parameters:,}" if layer.parameters else "",
                f"{layer.bytes:,}" if layer.bytes else "",
                fmt.share(weights.zeros / weights.elements) if stored else "",
                str(weights.distinct) if stored else "",
                f"{weights.entropy:.2f}" if stored else "",
                format_bytes(layer.live_bytes),
                layer.quantization,
            )
        )
    print_table(console, columns, rows)
    totals, peak = inspection.totals, inspection.peak
    zeros = fmt.share(totals.zeros / totals.weights) if totals.weights else "no"
    print_line(
        console,
        f"{totals.operators} operators, {totals.macs:,} MACs, {totals.parameters:,} parameters in "
        f"{totals.parameter_bytes:,} bytes of the file's {inspection.size_bytes:,}",
    )
    print_line(
        console,
        f"{zeros} zeros, {totals.entropy:.2f} bits a weight: {totals.entropy_bytes:,} bytes at their entropy; "
        f"peak activations {peak.activation_bytes:,} bytes",
    )
    if inspection.outside_tflm:
        names = ", ".join(inspection.outside_tflm)
        print_line(console, (f"* TensorFlow Lite Micro has no kernel for: {names}", "yellow"))


def _bytes(value: float | None) -> str:
    return "—" if value is None else format_bytes(value)


def print_table(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> None:
    """A table whose cells are texts or (text, style)."""
    if not console.is_terminal:
        _plain_table(console, columns, rows)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim", show_edge=False)
    for column in columns:
        table.add_column(column.name, justify="right" if column.right else "left", style=column.style, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_one_line(cell[0]), cell[1]) if isinstance(cell, tuple) else Text(_one_line(cell)) for cell in row))
    console.print(table)
    console.print()


def _plain_table(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> None:
    texts = [[column.name for column in columns]]
    texts += [[_one_line(cell[0] if isinstance(cell, tuple) else cell) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in texts) for index in range(len(columns))]
    for row in texts:
        cells = [
            text.rjust(width) if column.right else text.ljust(width)
            for text, width, column in zip(row, widths, columns, strict=True)
        ]
        print_line(console, "  ".join(cells).rstrip())
    print_line(console, "")


def _one_line(text: str) -> str:
    """Without line ends and control characters, which a model's names may contain and a terminal would obey."""
    return "".join(character if character.isprintable() else "�" for character in text)


def print_line(console: Console, *parts: str | tuple[str, str]) -> None:
    """One line, wrapped only on a terminal; no part of it is read as markup."""
    text = Text()
    for part in parts:
        words, style = (part, "") if isinstance(part, str) else part
        text.append(_one_line(words), style)
    if console.is_terminal:
        console.print(text)
    else:
        console.print(text, soft_wrap=True)
