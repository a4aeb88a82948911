"""What would make a model fit a target that it misses: settings that are really built, and what a budget asks for beyond them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgepack.compile import CCode
from edgepack.ground.errors import CompileError, DeviceError
from edgepack.judge import Verdict
from edgepack.pipeline.fit.core import OnCore
from edgepack.project import Target
from edgepack.report.fit import Change, Need, status_of_all

_LATENCIES = ("latency_p50", "latency_p95", "latency_p99")


@dataclass(frozen=True)
class _Setting:
    """A setting as `--set` takes it, and the field of the device that it is."""

    text: str
    field: str
    value: str | bool


_SMALLEST = _Setting("device.coding=smallest", "coding", "smallest")
_UNCODED = _Setting("device.coding=off", "coding", "off")
_SIZE = _Setting("device.optimize=size", "optimize", "size")
_SPEED = _Setting("device.optimize=speed", "optimize", "speed")
_OVERLAY = _Setting("device.input=may be overwritten", "overlay_input", True)

_FOR: Mapping[str, tuple[_Setting, ...]] = {
    "flash": (_SMALLEST, _SIZE),
    "ram": (_UNCODED, _SIZE, _SPEED, _OVERLAY),
    "latency": (_SPEED, _UNCODED),
}
"""What may bring a budget down, by budget."""


@dataclass(frozen=True)
class Stages:
    """The stages of one target: from a profile to C, from C to what it takes, and from that to verdicts."""

    compiled: Callable[[Target], CCode]
    built: Callable[[CCode, Target], OnCore]
    judged: Callable[[Target, OnCore], tuple[Verdict, ...]]


def tried_changes(target: Target, base: OnCore, verdicts: Sequence[Verdict], stages: Stages) -> tuple[Change, ...]:
    """Settings that bring a missed budget down, each built and judged: what fits first, then by what is missed least.

    Settings that help alone are tried in pairs where none of them is enough. What the compiler says to bring nothing is not
    built, and nor is the same C a second time.
    """
    missed = [verdict for verdict in verdicts if verdict.status == "FAIL"]
    families = {_family(verdict.budget) for verdict in missed}
    alone = list(dict.fromkeys(one for family in _FOR if family in families for one in _FOR[family]))
    seen = {_identity(base.code)}
    found: dict[tuple[_Setting, ...], Change] = {}

    def attempt(settings: tuple[_Setting, ...]) -> None:
        fields: dict[str, Any] = {one.field: one.value for one in settings}
        changed = replace(target, device=replace(target.device, **fields))
        try:
            code = stages.compiled(changed)
            if _identity(code) in seen or not _promises(code, base.code, missed):
                return
            seen.add(_identity(code))
            after = stages.judged(changed, stages.built(code, changed))
        except (CompileError, DeviceError):  # the model as it is was built: what only a setting breaks is no advice
            return
        if any(_excess(after, one.budget) < _excess(verdicts, one.budget) for one in missed):
            found[settings] = Change(tuple(one.text for one in settings), after, status_of_all(after))

    for one in alone:
        attempt((one,))
    helpful = [settings[0] for settings in found]
    if not any(change.status == "PASS" for change in found.values()):
        for pair in itertools.combinations(helpful, 2):
            if pair[0].field != pair[1].field:
                attempt(pair)
    return tuple(sorted(found.values(), key=lambda each: (_worst(each.verdicts), len(each.settings))))


def needs_of(target: Target, base: OnCore | None, verdicts: Sequence[Verdict]) -> tuple[Need, ...]:
    """What each missed budget asks for with the settings as they are; `base`: what the model takes, if it is for a core."""
    found: dict[str, Need] = {}
    for verdict in verdicts:
        need = _need(target, base, verdict) if verdict.status == "FAIL" else None
        if need is not None and (need.what not in found or (need.factor or 0) > (found[need.what].factor or 0)):
            found[need.what] = need
    return tuple(found.values())


def _need(target: Target, base: OnCore | None, verdict: Verdict) -> Need | None:
    value = verdict.measurement.value if verdict.measurement is not None else None
    if value is None:
        return None
    if verdict.budget == "model_size":
        return _less("model_size", "file", round(value), verdict.limit, False)
    if base is None:
        return None
    if verdict.budget == "flash":
        return _less("flash", "constants", base.constants, verdict.limit - (value - base.constants), base.sizes is None)
    if verdict.budget == "ram":
        arena = base.code.arena_size
        return _less("ram", "arena", arena, verdict.limit - (value - arena), base.result is None)
    if verdict.budget in _LATENCIES and target.device.clock_hz:
        factor = value / verdict.limit
        return Need(verdict.budget, "clock", target.device.clock_hz, target.device.clock_hz * factor, factor)
    return None


def _less(budget: str, what: str, now: int, room: float, at_least: bool) -> Need:
    if room <= 0:
        return Need(budget, what, float(now), None, None, at_least)
    return Need(budget, what, float(now), room, now / room, at_least)


def _family(budget: str) -> str:
    return "latency" if budget in _LATENCIES else budget


def _identity(code: CCode) -> tuple[object, ...]:
    return code.optimize, tuple(sorted(code.files.items()))


def _promises(code: CCode, base: CCode, missed: Sequence[Verdict]) -> bool:
    """Whether, by what the compiler says, it may bring one of the missed budgets down.

    Another `optimize` changes code and stack, which the compiler does not know: it is built where the rest is within the limit.
    """
    other = code.optimize != base.optimize
    predicted = sum(layer.predicted for layer in code.layers) < sum(layer.predicted for layer in base.layers)
    return any(
        {
            "flash": code.constants < base.constants or (other and code.constants <= verdict.limit),
            "ram": code.arena_size < base.arena_size or (other and code.arena_size <= verdict.limit),
            "latency": other or predicted,
        }.get(_family(verdict.budget), False)
        for verdict in missed
    )


def _excess(verdicts: Sequence[Verdict], budget: str) -> float:
    """The measured share of a limit; infinite where there is none."""
    for verdict in verdicts:
        if verdict.budget == budget and verdict.measurement is not None and verdict.measurement.value is not None:
            return verdict.measurement.value / verdict.limit if verdict.limit else float("inf")
    return float("inf")


def _worst(verdicts: Sequence[Verdict]) -> float:
    """The largest share of a limit among the missed budgets; 0 when none is."""
    return max((_excess(verdicts, verdict.budget) for verdict in verdicts if verdict.status == "FAIL"), default=0.0)
