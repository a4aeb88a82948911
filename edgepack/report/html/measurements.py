"""How each number was measured."""

from __future__ import annotations

from edgepack.measure.types import METHODS
from edgepack.report import format as fmt
from edgepack.report.facts import conditions
from edgepack.report.report import Report


def measurement_rows(report: Report) -> list[dict[str, str]]:
    """Every measurement; conditions that are those of the row above are not repeated."""
    rows, above = [], ""
    for item in report.measurements:
        under = conditions(item)
        rows.append(
            {
                "name": fmt.label(item.quantity) if item.quantity != "accuracy" else report.metric_name.capitalize(),
                "value": fmt.value_of(item),
                "method": fmt.method(item.method),
                "kind": item.method,
                "detail": item.detail,
                "conditions": "" if under == above else under,
            }
        )
        above = under
    return rows


def methods_used(report: Report) -> list[tuple[str, str]]:
    """What the methods of the measurements mean, as (name, meaning)."""
    used = {item.method for item in report.measurements}
    return [(words.short, words.meaning) for method, words in METHODS.items() if method in used]
