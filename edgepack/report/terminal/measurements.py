"""Measurements on a terminal, and the times of single layers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console

from edgepack.measure.types import Measurement
from edgepack.project.units import format_seconds
from edgepack.report import format as fmt
from edgepack.report.facts import conditions
from edgepack.report.terminal.tables import Column, print_line, print_table
from edgepack.report.words import layer_sentences

if TYPE_CHECKING:
    from edgepack.measure.layers import LayerTimes


def print_measurements(measurements: Iterable[Measurement], console: Console) -> None:
    """What was measured, how, and under which conditions."""
    rows = []
    found: dict[str, list[str]] = {}
    for item in measurements:
        under = conditions(item)
        if under:
            found.setdefault(under, []).append(fmt.label(item.quantity))
        rows.append((fmt.label(item.quantity), fmt.value_of(item), fmt.method(item.method), item.detail))
    print_table(console, (Column("quantity"), Column("value", True), Column("how"), Column("details")), rows)
    for under, names in found.items():
        print_line(console, (f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {under}", "dim"))


def print_layer_times(times: LayerTimes, console: Console) -> None:
    """The layers in the order they ran, their sum beside the whole inference, and how they were measured."""
    columns = (Column("layer"), Column("operator", style="dim"), Column("time", True), Column("share", True))
    rows = [(row.layer, row.kind, format_seconds(row.seconds), fmt.share(row.share)) for row in times.rows]
    print_table(console, columns, rows)
    for text in layer_sentences(times):
        print_line(console, (text, "dim"))
