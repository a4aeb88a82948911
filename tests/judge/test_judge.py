from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from edgepack.judge import BUDGET_UNITS, HARDWARE_BUDGETS, Verdict, exit_code, judge
from edgepack.measure.types import Measurement
from edgepack.project import Budget, DeviceSettings, Target

TARGET = Target("rpi", Path("rpi.toml"), "a Pi", DeviceSettings("ssh"), Budget())


def target(**budgets):
    return replace(TARGET, budget=Budget(**budgets))


def judged(budget, limit, *measurements, real_hardware=True):
    (verdict,) = judge(target(**{budget: limit}), measurements, real_hardware)
    return verdict


def measured(quantity, value, method="hardware", unit=None, detail=""):
    return Measurement(quantity, value, BUDGET_UNITS.get(quantity, "") if unit is None else unit, method, detail)


def test_every_budget_field_is_judged_and_no_other():
    assert set(BUDGET_UNITS) == set(Budget.__dataclass_fields__)
    full = target(**dict.fromkeys(BUDGET_UNITS, 1))
    assert [verdict.budget for verdict in judge(full, [], True)] == list(BUDGET_UNITS)
    assert judge(target(), [measured("latency_p50", 1.0)], True) == ()


@pytest.mark.parametrize(
    ("budget", "limit", "value", "status", "why"),
    [
        ("latency_p50", 0.02, 0.005, "PASS", "25 % of the limit; measured on the device."),
        ("latency_p50", 0.02, 0.00001, "PASS", "Under 1 % of the limit; measured on the device."),
        ("latency_p50", 0.02, 0.02, "PASS", "100 % of the limit; measured on the device."),
        ("latency_p50", 0.02, 0.025, "FAIL", "5 ms over the limit; measured on the device."),
        ("latency_p50", 0.02, 0.05, "FAIL", "2.5 times the limit; measured on the device."),
        ("model_size", 1024, 1025, "FAIL", "1 B over the limit; measured on the device."),
        ("accuracy_drop", 0.01, -0.002, "PASS", "Better than the float model; measured on the device."),
        ("accuracy_drop", 0.0, 0.0, "PASS", "No worse than the float model; measured on the device."),
        ("accuracy_drop", 0.0, 0.001, "FAIL", "0.001 over the limit; measured on the device."),
    ],
)
def test_on_the_targets_hardware_the_limit_decides(budget, limit, value, status, why):
    verdict = judged(budget, limit, measured(budget, value))
    assert (verdict.status, verdict.why) == (status, why)
    assert exit_code([verdict], real_hardware=True) == (0 if status == "PASS" else 1)


def test_the_rounding_of_binary_fractions_is_no_miss():
    assert 0.87 - 0.86 > 0.01
    assert judged("accuracy_drop", 0.01, measured("accuracy_drop", 0.87 - 0.86)).status == "PASS"
    assert judged("accuracy_drop", 0.01, measured("accuracy_drop", 0.0101)).status == "FAIL"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
@pytest.mark.parametrize("budget", list(BUDGET_UNITS))
def test_a_value_that_is_no_number_never_passes(budget, value):
    verdict = judged(budget, 1, measured(budget, value, detail="the runner was killed"))
    assert verdict.status == "NOT MEASURED"
    assert exit_code([verdict], real_hardware=True) == 1


@pytest.mark.parametrize(("budget", "value"), [("latency_p50", 0.0), ("latency_p50", -1.0), ("ram", -5), ("flash", 0)])
def test_an_impossible_value_never_passes(budget, value):
    assert judged(budget, 1, measured(budget, value)).status == "NOT MEASURED"


def test_a_value_in_another_unit_is_not_compared():
    verdict = judged("latency_p50", 0.02, measured("latency_p50", 5.0, unit="ms"))
    assert verdict.status == "NOT MEASURED" and "ms" in verdict.why


def test_a_budget_that_nothing_measured_is_not_met():
    verdict = judged("energy", 0.1, measured("latency_p50", 0.001))
    assert (verdict.status, verdict.measurement, verdict.why) == ("NOT MEASURED", None, "Nothing measured this.")
    assert exit_code([verdict], real_hardware=True) == 1


def test_why_says_what_stopped_a_measurement():
    verdict = judged("peak_memory", 1, measured("peak_memory", None, detail="no /proc on the device"))
    assert verdict.why == "It could not be measured: no /proc on the device."


@pytest.mark.parametrize("budget", sorted(HARDWARE_BUDGETS))
@pytest.mark.parametrize("method", ["stand-in", "emulated", "host", "file", "hardware"])
def test_what_only_hardware_can_answer_is_never_answered_elsewhere(budget, method):
    verdict = judged(budget, 1e9, measured(budget, 1e-6, method), real_hardware=False)
    assert verdict.status == "NOT MEASURED"
    assert "says nothing about the target's hardware" in verdict.why
    assert verdict.measurement is not None, "the value is still shown"
    assert exit_code([verdict], real_hardware=False) == 0
    assert exit_code([verdict], real_hardware=False, require_hardware=True) == 1


def test_a_stand_ins_figure_is_shown_with_its_origin():
    verdict = judged("latency_p50", 0.02, measured("latency_p50", 0.0032, "stand-in"), real_hardware=False)
    assert verdict.why == "3.2 ms on a stand-in, which says nothing about the target's hardware."


def test_a_stand_ins_clock_is_not_believed_even_on_a_run_marked_as_hardware():
    assert judged("latency_p50", 1.0, measured("latency_p50", 0.001, "stand-in"), real_hardware=True).status == "NOT MEASURED"


@pytest.mark.parametrize("method", ["file", "emulated", "stand-in", "host", "hardware"])
@pytest.mark.parametrize("budget", sorted(set(BUDGET_UNITS) - HARDWARE_BUDGETS - {"accuracy"}))
def test_bytes_and_accuracy_are_judged_wherever_the_files_ran(budget, method):
    passing = judged(budget, 1, measured(budget, 0.5, method), real_hardware=False)
    failing = judged(budget, 1, measured(budget, 1.5, method), real_hardware=False)
    assert (passing.status, failing.status) == ("PASS", "FAIL")
    assert exit_code([passing], real_hardware=False) == 0
    assert exit_code([failing], real_hardware=False) == 1


def test_a_missing_accuracy_counts_on_a_stand_in_too():
    assert exit_code(judge(target(accuracy_drop=0.01), [], False), real_hardware=False) == 1


def test_an_estimate_is_judged_marked_and_leaves_the_exit_code_alone():
    slow = measured("latency_p50", 0.7, "estimate")
    verdict = judged("latency_p50", 0.5, slow, measured("latency_p50", 0.001, "emulated"), real_hardware=False)
    assert (verdict.status, verdict.measurement, verdict.on_estimate) == ("FAIL", slow, True)
    assert verdict.why == "200 ms over the limit; an estimate, not a measurement on hardware."
    assert exit_code([verdict], real_hardware=False) == 0
    fast = judged("latency_p50", 0.5, measured("latency_p50", 0.3, "estimate"), real_hardware=False)
    assert fast.status == "PASS" and "estimate" in fast.why
    assert exit_code([fast], real_hardware=False, require_hardware=True) == 1


def test_on_hardware_a_measurement_comes_before_an_estimate():
    verdict = judged("latency_p50", 0.5, measured("latency_p50", 0.1, "estimate"), measured("latency_p50", 0.7))
    assert verdict.status == "FAIL" and not verdict.on_estimate


def test_an_estimate_on_hardware_counts_but_is_not_enough_when_hardware_is_required():
    verdicts = judge(target(energy=1.0), [measured("energy", 2.0, "estimate")], True)
    assert verdicts[0].status == "FAIL" and exit_code(verdicts, True) == 1
    verdicts = judge(target(energy=1.0), [measured("energy", 0.5, "estimate")], True)
    assert exit_code(verdicts, True) == 0 and exit_code(verdicts, True, require_hardware=True) == 1


def test_nan_on_the_device_is_not_covered_by_a_good_figure_from_the_host():
    verdict = judged(
        "accuracy_drop", 0.01, measured("accuracy_drop", 0.0, "host"), measured("accuracy_drop", math.nan, "hardware")
    )
    assert verdict.status == "NOT MEASURED"


def test_a_figure_that_could_not_be_taken_on_the_device_may_come_from_elsewhere():
    verdict = judged("accuracy_drop", 0.01, measured("accuracy_drop", None, "hardware"), measured("accuracy_drop", 0.005, "host"))
    assert verdict.status == "PASS" and "computed on this machine" in verdict.why


def test_one_miss_among_many_passes_is_exit_1():
    budgets = target(model_size=100, latency_p50=1.0, accuracy_drop=0.01)
    met = [measured("model_size", 99, "file"), measured("latency_p50", 0.5), measured("accuracy_drop", 0.001)]
    assert exit_code(judge(budgets, met, True), True) == 0
    assert exit_code(judge(budgets, [*met[:2], measured("accuracy_drop", 0.02)], True), True) == 1


def test_no_budget_is_no_miss():
    assert exit_code((), real_hardware=True) == 0


@pytest.mark.parametrize("budget", list(BUDGET_UNITS))
@pytest.mark.parametrize("method", ["hardware", "emulated", "file", "stand-in", "host", "estimate"])
@pytest.mark.parametrize("real_hardware", [True, False])
@pytest.mark.parametrize("value", [0.5, 1.5, None])
def test_every_verdict_carries_its_own_caveat_sentence(budget, method, real_hardware, value):
    verdict = judged(budget, 1, measured(budget, value, method), real_hardware=real_hardware)
    assert isinstance(verdict, Verdict)
    assert verdict.why[0].isupper() or verdict.why[0].isdigit()
    assert verdict.why.endswith(".") and len(verdict.why) > 20


@pytest.mark.parametrize(
    ("higher_is_better", "value", "status", "why"),
    [
        (True, 0.95, "PASS", "0.05 above the least; computed on this machine with the file that ships."),
        (True, 0.9, "PASS", "At the least; computed on this machine with the file that ships."),
        (True, 0.85, "FAIL", "0.05 below the least; computed on this machine with the file that ships."),
        (True, 0.0, "FAIL", "0.9 below the least; computed on this machine with the file that ships."),
        (False, 0.85, "PASS", "94 % of the limit; computed on this machine with the file that ships."),
        (False, 1.0, "FAIL", "0.1 over the limit; computed on this machine with the file that ships."),
    ],
)
def test_accuracy_itself_has_a_least_and_an_error_a_most(higher_is_better, value, status, why):
    found = [measured("accuracy", value, "host")]
    (verdict,) = judge(target(accuracy=0.9), found, False, higher_is_better=higher_is_better)
    assert (verdict.status, verdict.why, verdict.least) == (status, why, higher_is_better)
    assert exit_code([verdict], real_hardware=False) == (0 if status == "PASS" else 1)


def test_a_figure_that_nobody_can_have_is_said_and_does_not_count():
    reasons = {"accuracy_drop": "Not judged: there is no float model."}
    (verdict,) = judge(target(accuracy_drop=0.01), [], True, unanswerable=reasons)
    assert (verdict.status, verdict.why, verdict.counts) == ("NOT MEASURED", reasons["accuracy_drop"], False)
    assert exit_code([verdict], real_hardware=True) == 0
    assert exit_code([verdict], real_hardware=True, require_hardware=True) == 1
    (measured_all_the_same,) = judge(target(accuracy_drop=0.01), [measured("accuracy_drop", 0.02)], True, unanswerable=reasons)
    assert measured_all_the_same.status == "FAIL" and measured_all_the_same.counts
