"""How good a trial is: its measurements, its verdicts, by how much it misses budgets, and its place among the others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgepack.ground.errors import ProjectError
from edgepack.judge import Verdict, judge
from edgepack.kinds import kind_of
from edgepack.measure import Measurement
from edgepack.measure.mcu.measurements import energy_estimate
from edgepack.project import Target
from edgepack.search.trial import TrialResult

OBJECTIVES = ("accuracy_drop", "flash", "ram", "latency", "instructions", "macs", "model_size", "energy")
"""What can be minimised."""

ACCURACY = frozenset({"accuracy", "accuracy_drop"})
"""Budgets that more training comes nearer to."""

_OF_THE_CORE = frozenset({"flash", "ram", "latency", "instructions", "energy"})


@dataclass(frozen=True)
class Standing:
    """A trial's place: by how much it misses budgets, as shares of their limits, and its objectives in their order."""

    misses: Mapping[str, float]
    values: tuple[float, ...]

    @property
    def missed(self) -> float:
        """All misses together; 0 when every budget that could be judged is met."""
        return sum(self.misses.values())

    @property
    def rank(self) -> tuple[float, float]:
        """By how much budgets of cost are missed, which no training mends, and by how much those of accuracy: less is better."""
        cost = sum(miss for name, miss in self.misses.items() if name not in ACCURACY)
        return cost, sum(miss for name, miss in self.misses.items() if name in ACCURACY)


def check_objectives(names: Sequence[str], target: Target) -> tuple[str, ...]:
    """What is to be minimised, in the order of importance, the accuracy drop added where nothing else would hold it.

    Raises:
        ProjectError: EP-181 for one that is unknown, named twice, or that this target cannot tell.
    """
    chosen = tuple(names) or ("accuracy_drop",)
    for name in chosen:
        if name not in OBJECTIVES:
            raise ProjectError("EP-181", f"--minimise {name}: unknown", f"use some of {', '.join(OBJECTIVES)}")
        why = _untold(name, target)
        if why:
            able = [other for other in OBJECTIVES if not _untold(other, target)]
            raise ProjectError("EP-181", f"--minimise {name}: {why}", f"on {target.name} use {', '.join(able)}")
    if len(set(chosen)) < len(chosen):
        raise ProjectError("EP-181", f"--minimise {','.join(chosen)}: one is named twice", "name each once")
    held = target.budget.accuracy_drop is not None or target.budget.accuracy is not None
    return chosen if held or "accuracy_drop" in chosen else (*chosen, "accuracy_drop")


def _untold(name: str, target: Target) -> str:
    """Why a target cannot tell a figure before it is deployed to; empty when it can."""
    device = target.device
    if name in _OF_THE_CORE and kind_of(target).holds != "firmware":
        return f"target {target.name} runs the .tflite: nothing here can tell its {name}"
    if name in _OF_THE_CORE - {"ram"} and device.runtime != "c":
        return f"target {target.name} compiles no C whose {name} could be counted"
    if name == "energy" and (device.current_ma is None or device.voltage_v is None):
        return f"target {target.name} names no current and voltage"
    return ""


def objective(name: str, result: TrialResult, target: Target) -> float:
    """A trial's value of an objective, in bytes, seconds, joules or a number."""
    figures = result.figures
    assert figures is not None
    if name == "accuracy_drop":
        return result.drop
    if name == "energy":
        assert figures.latency is not None
        (energy,) = energy_estimate(target, figures.latency, "the estimated time", {})
        return float(energy.value or 0.0)
    value = getattr(figures, name)
    assert value is not None  # check_objectives has refused it
    return float(value)


def measurements_of(result: TrialResult, target: Target, examples: str) -> tuple[Measurement, ...]:
    """A trial's figures as measurements; `examples` says on which the metric was computed."""
    figures = result.figures
    assert figures is not None
    found = [
        Measurement("accuracy", result.metric, "", "host", f"on {examples}, LiteRT on this machine"),
        Measurement("accuracy_drop", result.drop, "", "host", f"on {examples}, against the float model"),
        Measurement("model_size", float(figures.model_size), "bytes", "file", "the .tflite"),
    ]
    if figures.flash is not None:
        found.append(Measurement("flash", float(figures.flash), "bytes", "file", "code and constants of the linked program"))
    if figures.ram is not None:
        compiled = target.device.runtime == "c"
        detail = "arena, globals and the deepest stack" if compiled else "the interpreter's arena"
        found.append(Measurement("ram", float(figures.ram), "bytes", "emulated" if compiled else "estimate", detail))
    if figures.latency is not None:
        detail = "estimated cycles at the profile's clock"
        found.extend(Measurement(name, figures.latency, "s", "estimate", detail) for name in _LATENCIES)
        found.extend(energy_estimate(target, figures.latency, "the estimated time", {}))
    return tuple(found)


_LATENCIES = ("latency_p50", "latency_p95", "latency_p99")  # one estimate for all: it does not depend on the input


def verdicts_of(result: TrialResult, target: Target, higher_is_better: bool, examples: str) -> tuple[Verdict, ...]:
    """A verdict for each of the target's budgets, without its hardware."""
    return judge(target, measurements_of(result, target, examples), False, higher_is_better=higher_is_better)


def standing(result: TrialResult, target: Target, objectives: Sequence[str], higher_is_better: bool) -> Standing:
    """A trial's place; budgets that only hardware can answer are no part of it."""
    verdicts = verdicts_of(result, target, higher_is_better, "validation examples")
    misses = {verdict.budget: _miss(verdict) for verdict in verdicts if verdict.status != "NOT MEASURED"}
    return Standing(misses, tuple(objective(name, result, target) for name in objectives))


def _miss(verdict: Verdict) -> float:
    """By how much a budget is missed, as a share of its limit (of a limit of zero, absolute); 0 when it is met."""
    if verdict.status == "PASS":
        return 0.0
    assert verdict.measurement is not None and verdict.measurement.value is not None
    return abs(float(verdict.measurement.value) - verdict.limit) / (verdict.limit or 1.0)


def order(found: Sequence[Standing]) -> list[int]:
    """Places of the standings, the best first: by rank, then by fronts of what no other beats in everything, then by the
    objectives."""
    ranks = _fronts(found)
    return sorted(range(len(found)), key=lambda at: (found[at].rank, ranks[at], found[at].values))


def pareto(points: Sequence[Sequence[float]]) -> list[int]:
    """Places of the points that no other point beats: none is as small everywhere and smaller somewhere."""
    return [at for at, point in enumerate(points) if not any(_beats(other, point) for other in points)]


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and any(a < b for a, b in zip(one, other, strict=True))


def _fronts(found: Sequence[Standing]) -> list[int]:
    """The front of each standing, 0 for those that nothing beats (Deb et al. 2002, NSGA-II, section III A)."""
    ranks = [math.inf] * len(found)
    left, front = list(range(len(found))), 0
    while left:
        best = [left[at] for at in pareto([found[at].values for at in left])]
        for at in best:
            ranks[at] = front
        left = [at for at in left if at not in set(best)]
        front += 1
    return [int(rank) for rank in ranks]
