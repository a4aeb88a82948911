"""Objectives that a target cannot tell are refused, misses are shares of limits, and halving keeps the better third."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgepack.ground.errors import ProjectError
from edgepack.project import load_target
from edgepack.search.rungs import rungs, to_promote
from edgepack.search.standing import Standing, check_objectives, objective, order, pareto, standing
from tests.search.fakes import result, target_with


@pytest.mark.parametrize(
    ("names", "target", "word"),
    [
        (["speed"], "cortex-m4", "unknown"),
        (["flash", "flash"], "cortex-m4", "twice"),
        (["flash"], "host", "runs the .tflite"),
        (["latency"], "rpi", "runs the .tflite"),
        (["energy"], "cortex-m4", "current"),
    ],
)
def test_what_cannot_be_minimised_is_refused_by_name(names: list[str], target: str, word: str) -> None:
    profile = load_target(target)
    profile = replace(profile, device=replace(profile.device, current_ma=None))
    with pytest.raises(ProjectError, match=names[0]) as error:
        check_objectives(names, profile)
    assert error.value.code == "EP-181" and word in str(error.value) and error.value.hint


def test_an_interpreter_tells_ram_and_no_flash() -> None:
    profile = load_target("cortex-m4")
    profile = replace(profile, device=replace(profile.device, runtime="tflm"))
    assert check_objectives(["ram"], profile)[0] == "ram"
    with pytest.raises(ProjectError, match="flash"):
        check_objectives(["flash"], profile)


def test_something_always_holds_the_accuracy() -> None:
    assert check_objectives([], target_with()) == ("accuracy_drop",)
    assert check_objectives(["flash"], target_with()) == ("flash", "accuracy_drop")
    assert check_objectives(["flash"], target_with(accuracy_drop=0.01)) == ("flash",)


def test_misses_are_shares_of_the_limits() -> None:
    target = target_with(flash=800, ram=2000, accuracy_drop=0.01, latency_p95=0.0005)
    place = standing(result(1000, 0.03), target, ("flash", "accuracy_drop"), True)
    assert place.misses == {
        "flash": pytest.approx(0.25),
        "ram": 0.0,
        "accuracy_drop": pytest.approx(2.0),
        "latency_p95": pytest.approx(1.0),
    }
    assert place.values == (1000.0, 0.03)
    assert standing(result(drop=0.25), target_with(accuracy_drop=0.0), (), True).misses["accuracy_drop"] == pytest.approx(0.25)
    assert standing(result(drop=0.2), target_with(accuracy=0.8), (), True).misses["accuracy"] == pytest.approx(0.125)


def test_what_a_host_cannot_tell_is_no_miss() -> None:
    target = load_target("host")
    place = standing(result(flash=None, ram=None, latency=None, instructions=None), target, (), True)
    assert "latency_p50" not in place.misses


def test_energy_is_current_times_voltage_times_time() -> None:
    target = target_with(energy=1e-9)
    target = replace(target, device=replace(target.device, current_ma=10.0, voltage_v=3.0))
    assert objective("energy", result(), target) == pytest.approx(0.01 * 3 * 0.001)
    assert standing(result(), target, ("energy",), True).misses["energy"] > 0


def test_what_costs_too_much_is_behind_what_loses_too_much() -> None:
    costly, lossy = Standing({"flash": 0.1, "accuracy_drop": 0.0}, (0.0,)), Standing({"flash": 0.0, "accuracy_drop": 9.0}, (0.9,))
    assert order([costly, lossy]) == [1, 0]


def test_the_order_is_misses_then_fronts() -> None:
    found = [Standing({"a": 0.1}, (0.0, 0.0)), Standing({}, (3.0, 3.0)), Standing({}, (2.0, 1.0)), Standing({}, (1.0, 2.0))]
    assert order(found) == [3, 2, 1, 0]
    assert pareto([(3, 3), (2, 1), (1, 2), (1, 2)]) == [1, 2, 3]


def test_rungs_triple_and_end_with_all_epochs() -> None:
    assert rungs(54) == (6, 18, 54) and rungs(18) == (3, 6, 18) and rungs(4) == (3, 4) and rungs(1) == (1,)
    assert rungs(54, 0.25) == (20, 54) and rungs(54, 0.01) == (54,) and rungs(54, 10.0) == (6, 18, 54)


def test_a_third_goes_on_and_one_at_least_when_nobody_waits() -> None:
    places = [Standing({}, (float(value),)) for value in (3, 1, 2, 5, 4, 6)]
    assert to_promote(places, [False] * 6, True) == 1
    assert to_promote(places, [False, True, False, False, False, False], True) == 2
    assert to_promote(places, [False, True, True, False, False, False], True) is None
    assert to_promote(places[:2], [False, False], True) is None and to_promote(places[:2], [False, False], False) == 1
