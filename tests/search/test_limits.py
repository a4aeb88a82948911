"""The budgets that a design decides, as limits of its figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgepack.project import load_target
from edgepack.search.front import limits_of


def test_every_budget_of_time_or_energy_is_one_of_the_estimated_latency() -> None:
    target = load_target("cortex-m4", None, ["budget.latency_p50=100ms", "device.current=10 mA", "device.voltage=3 V"])
    assert limits_of(target)["latency"] == pytest.approx(0.1)
    late = replace(target, budget=replace(target.budget, latency_p50=None, latency_p95=0.08))
    assert limits_of(late)["latency"] == pytest.approx(0.08)
    sparing = replace(target, budget=replace(target.budget, energy=1.5e-3))
    assert limits_of(sparing)["latency"] == pytest.approx(0.05)


def test_without_a_supply_energy_is_no_limit() -> None:
    target = load_target("cortex-m4")
    assert limits_of(replace(target, budget=replace(target.budget, energy=1e-9))) == limits_of(target)


def test_of_a_device_that_runs_the_file_only_its_size_is_known() -> None:
    assert set(limits_of(load_target("rpi"))) == {"model_size"}
