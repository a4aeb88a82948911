"""`edgepack inspect` on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from edgepack.project.units import format_bytes
from edgepack.report import format as fmt
from edgepack.report.terminal.tables import Column, print_line, print_table

if TYPE_CHECKING:
    from edgepack.flatbuffer import Inspection


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
                fmt.shape(layer.outputs[0].shape) if layer.outputs else "",
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
        f"{zeros} zeros, {totals.entropy:.2f} bits per weight: {totals.entropy_bytes:,} bytes at their entropy; "
        f"peak activations {peak.activation_bytes:,} bytes",
    )
    if inspection.outside_tflm:
        names = ", ".join(inspection.outside_tflm)
        print_line(console, (f"* TensorFlow Lite Micro has no kernel for: {names}", "yellow"))
    if inspection.obstacle:
        print_line(console, (f"This model {inspection.obstacle.what}.", "yellow"))
        if inspection.obstacle.whole:  # single layers may still become tables
            print_line(console, f"  try: {inspection.obstacle.instead}")
