"""Which of several measurements a budget is judged by, and what an estimate among others is worth."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from edgepack.judge import BUDGET_UNITS, HARDWARE_BUDGETS, Verdict, exit_code, judge
from edgepack.measure.types import Measurement, Method
from edgepack.project import Budget, DeviceSettings, Target

OTHERS = sorted(set(BUDGET_UNITS) - HARDWARE_BUDGETS)


def judged(budget: str, limit: float, figures: dict[Method, float], real_hardware: bool) -> Verdict:
    target = Target("rpi", Path("rpi.toml"), "a Pi", DeviceSettings("ssh"), Budget(**{budget: limit}))  # type: ignore[arg-type]
    measurements = [Measurement(budget, value, BUDGET_UNITS[budget], method, "") for method, value in figures.items()]
    (verdict,) = judge(target, measurements, real_hardware)
    return verdict


def used(verdict: Verdict) -> Method:
    assert verdict.measurement is not None
    return verdict.measurement.method


@pytest.mark.parametrize("budget", OTHERS)
@pytest.mark.parametrize("real_hardware", [True, False])
def test_bytes_and_accuracy_are_judged_by_the_file_that_ran_before_an_estimate(budget: str, real_hardware: bool) -> None:
    order: list[Method] = ["hardware", "emulated", "file", "stand-in", "host", "estimate"]
    for better, worse in itertools.pairwise(order):
        assert used(judged(budget, 1, {worse: 0.5, better: 2.0}, real_hardware)) == better


@pytest.mark.parametrize("budget", sorted(HARDWARE_BUDGETS))
def test_what_hardware_answers_is_judged_there_by_hardware_then_an_estimate(budget: str) -> None:
    order: list[Method] = ["hardware", "estimate", "emulated", "stand-in", "host", "file"]
    for better, worse in itertools.pairwise(order):
        assert used(judged(budget, 1, {worse: 0.5, better: 2.0}, True)) == better


@pytest.mark.parametrize("budget", sorted(HARDWARE_BUDGETS))
def test_elsewhere_an_estimate_comes_before_any_clock(budget: str) -> None:
    others: list[Method] = ["hardware", "emulated", "stand-in", "host", "file"]
    for other in others:
        verdict = judged(budget, 1, {other: 0.5, "estimate": 2.0}, False)
        assert (used(verdict), verdict.status) == ("estimate", "FAIL")


def test_one_estimate_among_measurements_is_not_enough_when_hardware_is_required() -> None:
    estimated = judged("energy", 1, {"estimate": 0.5}, True)
    measured = judged("latency_p50", 1, {"hardware": 0.5}, True)
    assert exit_code([measured], True, require_hardware=True) == 0
    assert exit_code([measured, estimated], True) == 0
    assert exit_code([measured, estimated], True, require_hardware=True) == 1
    assert exit_code([measured, estimated], False, require_hardware=True) == 1


@pytest.mark.parametrize(
    ("drop", "said"),
    [
        (0.005, "50 % of the limit; "),
        (0.01, "100 % of the limit; "),
        (0.00001, "Under 1 % of the limit; "),
        (0.0, "No worse than the float model; "),
        (-0.001, "Better than the float model; "),
        (0.0199, "0.0099 over the limit; "),
        (0.02, "2.0 times the limit; "),
    ],
)
def test_a_drop_of_accuracy_is_put_in_words(drop: float, said: str) -> None:
    assert judged("accuracy_drop", 0.01, {"host": drop}, True).why.startswith(said)
