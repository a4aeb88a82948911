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
    """ "B takes 0.48 of A's time (95 % interval 0.47 to 0.49, …): faster", or that no difference was shown."""
    interval = f"95 % interval {compared.low:.3f} to {compared.high:.3f}, {compared.groups} groups of four blocks"
    said = f"B takes {compared.ratio:.3f} of A's time ({interval})"
    if not compared.differ:
        return f"{said}: no difference shown"
    return f"{said}: B is {1 / compared.ratio:.2f} times as fast" if compared.ratio < 1 else f"{said}: A is faster"


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
