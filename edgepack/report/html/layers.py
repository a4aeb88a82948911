"""The table of layers, and the totals above it."""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.project.units import format_bytes, format_seconds
from edgepack.report import format as fmt
from edgepack.report.parts import LayerFigures, ModelTotals
from edgepack.report.report import Report


@dataclass(frozen=True)
class LayerRow:
    """An operator as shown, with bar lengths in per cent of the largest in their column."""

    layer: str
    operator: str
    shape: str
    cells: tuple[tuple[str, float], ...]
    details: str


def layer_rows(report: Report) -> tuple[list[LayerRow], list[str]]:
    """The operators, and the names of the columns of their cells."""
    columns: list[tuple[str, str]] = [("macs", "MACs"), ("bytes", "Bytes"), ("live_bytes", "Memory while it runs")]
    for key, name in (("instructions", "Instructions"), ("seconds", "Time")):
        if any(getattr(layer, key) for layer in report.layers):
            columns.insert(1, (key, name))
    largest = {key: max((getattr(layer, key) or 0 for layer in report.layers), default=0) or 1 for key, _ in columns}
    rows = [
        LayerRow(
            layer=layer.layer,
            operator=layer.operator,
            shape=fmt.shape(layer.shape),
            cells=tuple(_cell(layer, key, largest[key]) for key, _ in columns),
            details=_details(layer),
        )
        for layer in report.layers
    ]
    return rows, [name for _, name in columns]


def costliest(layers: list[LayerRow], number: int) -> list[LayerRow]:
    """Those with the most multiply-accumulates, in their own order."""
    order = sorted(range(len(layers)), key=lambda index: -layers[index].cells[0][1])
    return [layers[index] for index in sorted(order[:number])]


def totals_line(totals: ModelTotals | None) -> list[tuple[str, str]]:
    """The sums, as (name, text)."""
    if totals is None:
        return []
    found = [
        ("operators", fmt.count(totals.operators)),
        ("MACs", fmt.count(totals.macs)),
        ("parameters", fmt.count(totals.parameters)),
        ("in the file", format_bytes(totals.parameter_bytes)),
    ]
    if totals.weights:
        found.append(("zeros", fmt.share(totals.zeros / totals.weights)))
        found.append(("at their entropy", format_bytes(totals.entropy_bytes)))
    if totals.peak.activation_bytes:
        found.append(("peak activations", format_bytes(totals.peak.activation_bytes)))
    return found


def _cell(layer: LayerFigures, key: str, largest: float) -> tuple[str, float]:
    value = getattr(layer, key) or 0
    words = {"bytes": format_bytes, "live_bytes": format_bytes, "seconds": format_seconds}
    text = words.get(key, fmt.count)(value)
    return (text if value else ""), round(100 * value / largest, 1)


def _details(layer: LayerFigures) -> str:
    if not layer.weights:
        return ""
    return f"{fmt.share(layer.zeros / layer.weights)} zeros, {layer.entropy:.1f} bit"
