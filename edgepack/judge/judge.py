"""Budgets against measurements. A figure that was not measured is not a pass."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from edgepack.judge.verdict import BUDGET_UNITS, HARDWARE_BUDGETS, Status, Verdict
from edgepack.measure.types import METHODS, Measurement, Method
from edgepack.project.types import Target
from edgepack.project.units import format_quantity

# 0.87 - 0.86 is 0.010000000000000009 in binary floating point; that is no miss of 0.01.
_ROUNDING = 1e-9

# The best evidence first. What hardware alone can answer is taken from it or, marked, from an estimate.
_EVIDENCE: tuple[Method, ...] = ("hardware", "emulated", "file", "stand-in", "host", "estimate")
_HARDWARE_EVIDENCE: tuple[Method, ...] = ("hardware", "estimate", "emulated", "stand-in", "host", "file")


def judge(
    target: Target,
    measurements: Iterable[Measurement],
    real_hardware: bool,
    *,
    higher_is_better: bool = True,
    unanswerable: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Verdict, ...]:
    """A verdict for every budget the target sets.

    `real_hardware` says whether the device is the target's own hardware. When it is not, latency, energy and peak memory
    are NOT MEASURED whatever the device's clock said, or judged on an estimate if there is one. A missing, infinite,
    impossible or NaN value is NOT MEASURED. `higher_is_better` is the project's metric's: its budget is then the least there may
    be. `unanswerable` are budgets for which nobody can have a figure here, with the reason; they do not count.
    """
    measured = tuple(measurements)
    verdicts = []
    for budget, unit in BUDGET_UNITS.items():
        limit = getattr(target.budget, budget)
        if limit is not None:
            best = _best(budget, [item for item in measured if item.quantity == budget], real_hardware)
            least = budget == "accuracy" and higher_is_better
            if best is None and budget in unanswerable:
                verdicts.append(Verdict(budget, limit, unit, None, "NOT MEASURED", unanswerable[budget], least, counts=False))
                continue
            finding = _find(budget, float(limit), unit, best, real_hardware, least)
            verdicts.append(Verdict(budget, limit, unit, best, finding.status, finding.why, least))
    return tuple(verdicts)


def exit_code(verdicts: Sequence[Verdict], real_hardware: bool, require_hardware: bool = False) -> int:
    """0 when every budget that counts is met, else 1; what nobody can have a figure for does not count.

    On the target's own hardware every budget counts. On a stand-in or emulator those that only hardware can answer do not,
    even when an estimate misses them. With `require_hardware` nothing but the target's own hardware gives 0, and an
    estimate is not enough.
    """
    if require_hardware and (not real_hardware or any(verdict.on_estimate or not verdict.counts for verdict in verdicts)):
        return 1
    counting = [verdict for verdict in verdicts if verdict.counts and (real_hardware or not verdict.needs_hardware)]
    return 0 if all(verdict.status == "PASS" for verdict in counting) else 1


@dataclass(frozen=True)
class _Finding:
    status: Status
    why: str


def _best(budget: str, candidates: Sequence[Measurement], real_hardware: bool) -> Measurement | None:
    """The measurement to judge by: the best evidence among those with a value.

    One with a NaN keeps its place, so that a failure on the device is not covered by a good figure from elsewhere.
    """
    order = _HARDWARE_EVIDENCE if budget in HARDWARE_BUDGETS else _EVIDENCE
    if budget in HARDWARE_BUDGETS and not real_hardware:
        order = ("estimate", *(method for method in order if method != "estimate"))
    with_value = [item for item in candidates if item.value is not None] or candidates
    return min(with_value, key=lambda item: order.index(item.method), default=None)


def _find(budget: str, limit: float, unit: str, best: Measurement | None, real_hardware: bool, least: bool) -> _Finding:
    if best is None:
        return _unknown("Nothing measured this.")
    if best.value is None:
        return _unknown(f"It could not be measured{': ' + best.detail if best.detail else ''}.")
    value = float(best.value)
    if best.unit != unit:
        return _unknown(f"The measurement is in {best.unit or 'no unit'}, the budget in {unit or 'no unit'}.")
    if not math.isfinite(value):
        return _unknown(f"The measurement gave {value}, which is no number to judge.")
    if value <= 0 and budget not in ("accuracy", "accuracy_drop"):
        return _unknown(f"The measurement gave {value:g} {unit}, which is impossible.")
    if budget in HARDWARE_BUDGETS and not _answers(best.method, real_hardware):
        shown = format_quantity(value, unit)
        return _unknown(f"{shown} {METHODS[best.method].where}, which says nothing about the target's hardware.")
    how = METHODS[best.method].judged
    if least:
        met = value >= limit - limit * _ROUNDING - 1e-12
        apart = (
            f"{abs(value - limit):.4g} {'above' if value >= limit else 'below'} the least" if value != limit else "at the least"
        )
        return _Finding("PASS" if met else "FAIL", _sentence(f"{apart}; {how}"))
    if value <= limit + abs(limit) * _ROUNDING + 1e-12:
        return _Finding("PASS", _sentence(f"{_share(budget, value, limit)}; {how}"))
    return _Finding("FAIL", _sentence(f"{_excess(value, limit, unit)}; {how}"))


def _answers(method: Method, real_hardware: bool) -> bool:
    return method == "estimate" or (method == "hardware" and real_hardware)


def _unknown(why: str) -> _Finding:
    return _Finding("NOT MEASURED", why)


def _share(budget: str, value: float, limit: float) -> str:
    if budget == "accuracy_drop" and value <= 0:
        return "no worse than the float model" if value == 0 else "better than the float model"
    if not limit:
        return "at the limit"
    return f"{100 * value / limit:.0f} % of the limit" if value >= 0.005 * limit else "under 1 % of the limit"


def _excess(value: float, limit: float, unit: str) -> str:
    if limit and value >= 1.995 * limit:
        return f"{value / limit:.1f} times the limit"
    return f"{format_quantity(value - limit, unit)} over the limit"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
