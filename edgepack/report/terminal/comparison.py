"""Two models side by side, and the one sentence that says which is faster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from edgepack.report import format as fmt
from edgepack.report.terminal.tables import Column, print_line, print_table

if TYPE_CHECKING:
    from edgepack.measure.compare import Comparison
    from edgepack.measure.types import Measurement


def comparison_sentence(compared: Comparison) -> str:
    """ "B takes 0.480 times as long as A (95 % interval …): B is 2.08 times as fast", or that no difference was shown."""
    interval = f"95 % interval {compared.low:.3f} to {compared.high:.3f}, {compared.groups} groups of four blocks"
    said = f"B takes {compared.ratio:.3f} times as long as A ({interval})"
    if not compared.differ:
        return f"{said}: no difference shown"
    faster, times = ("B", 1 / compared.ratio) if compared.ratio < 1 else ("A", compared.ratio)
    if times < 1.1:
        return f"{said}: {faster} is {100 * (times - 1):.2g} % faster"
    return f"{said}: {faster} is {times:.2f} times as fast"


def print_comparison(compared: Comparison, console: Console) -> None:
    """Every quantity of both and their ratio, then the sentence."""
    sides = (compared.first, compared.second)
    for letter, side in zip("AB", sides, strict=True):
        print_line(console, f"{letter}: {side.name}, {side.engine}, {side.threads} thread{'s' if side.threads > 1 else ''}")
    print_line(console, "")
    rows = []
    for first, second in zip(*(side.measurements for side in sides), strict=False):
        rows.append((fmt.label(first.quantity), fmt.value_of(first), fmt.value_of(second), _ratio(first, second)))
    print_table(console, (Column("quantity"), Column("A", True), Column("B", True), Column("B / A", True)), rows)
    where = "" if not compared.facts.stand_in else " Measured on a stand-in, not on the target's hardware."
    print_line(console, f"{comparison_sentence(compared)}.{where}")


def _ratio(first: Measurement, second: Measurement) -> str:
    if not first.value or second.value is None or first.unit not in ("s", "bytes", "J"):
        return ""
    return f"{second.value / first.value:.3f}"
