"""The staircase of bytes as the page shows it: its sentences, and the table of layers."""

from __future__ import annotations

from edgepack.report.stairs import LayerStairs, Stairs


def stairs_columns(stairs: Stairs) -> list[str]:
    """The headings after the layer's name; a step's column has the bound after it."""
    steps = [f"After {stair.name}" for stair in stairs.stairs if stair.kind == "step"]
    coded = ["Coded", "Code"] if not stairs.ends else []
    return ["float32", *steps, "File", *coded, "Bound"]


def stairs_rows(stairs: Stairs) -> list[list[str]]:
    """The figures of each layer as texts, under `stairs_columns`."""
    return [_row(layer, bool(stairs.ends)) for layer in stairs.layers]


def _row(layer: LayerStairs, ends: bool) -> list[str]:
    coded = [] if ends else [_number(layer.coded_bytes), ", ".join(layer.codes) or "—"]
    return [
        layer.layer,
        _number(layer.float_bytes),
        *(_number(bound) for bound in layer.bounds),
        _number(layer.file_bytes),
        *coded,
        _number(layer.bound),
    ]


def _number(value: int | None) -> str:
    return "—" if value is None else f"{value:,}"
