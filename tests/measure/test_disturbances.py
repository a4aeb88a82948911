"""What may have made a benchmark wrong is said in words."""

from __future__ import annotations

from typing import Any

import pytest

from edgepack.measure.latency import disturbances


def _result(**changes: Any) -> dict[str, Any]:
    calm = {
        "temperature": 48.0, "frequencies": [1.8e9], "governors": ["performance"], "throttled": 0, "load": 0.1, "battery": None,
        "processor": {"busy": 100.0, "stolen": 1.0}, "own": 1.0, "preempted": 0, "time": 50.0,
    }  # fmt: skip
    later = {"processor": {"busy": 102.0, "stolen": 1.0}, "own": 3.0, "time": 52.0}
    states = {
        "before": {**calm, **changes.pop("before", {})},
        "steady": {**calm, **changes.pop("steady", {})},
        "after": {**calm, **later, **changes.pop("after", {})},
    }
    during = [{"at": 0.5, "frequency": 1.8e9, "temperature": 49.0}]
    return {
        "stable": True,
        "p50": 0.010,
        "p99": 0.011,
        "samples": [0.010] * 60,
        "runs": 60,
        "during": during,
        **states,
        **changes,
    }


def test_a_calm_device_gives_no_warning() -> None:
    assert disturbances(_result(), 4) == []
    unknown = {"temperature": None, "frequencies": [], "governors": [], "throttled": None, "load": None, "processor": None}
    during = [{"at": 0.0, "frequency": None, "temperature": None}]
    assert disturbances(_result(before=unknown, steady=unknown, after=unknown, during=during), None) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stable": False}, "never became stable"),
        ({"samples": [0.010] * 20 + [0.011] * 20 + [0.012] * 20}, "from 10 ms in the first third of the runs to 12 ms"),
        ({"after": {"governors": ["ondemand"]}}, "governor is ondemand"),
        ({"after": {"throttled": 0x1}}, "under-voltage now"),
        ({"steady": {"throttled": 0x4}}, "throttled now"),
        ({"before": {"throttled": 0x40000}, "after": {"throttled": 0x40000}}, "throttled since it was started"),
        ({"after": {"throttled": 0x20000}}, "clock capped during the benchmark"),
        ({"after": {"temperature": 83.2}}, "83 °C"),
        ({"during": [{"at": 1.0, "frequency": 1.8e9, "temperature": 84.0}]}, "84 °C"),
        ({"after": {"frequencies": [0.6e9]}}, "between 1800 and 600 MHz"),
        ({"during": [{"at": 1.0, "frequency": 1.0e9, "temperature": None}]}, "between 1800 and 1000 MHz"),
        ({"after": {"battery": {"level": 12.0, "status": "Discharging"}}}, "battery is at 12 %"),
        ({"before": {"load": 3.2, "processor": None}}, "load average 3.20 on 4 cores"),
        ({"before": {"load": 3.2}, "after": {"time": 50.1}}, "load average 3.20 on 4 cores"),
        ({"after": {"processor": {"busy": 105.0, "stolen": 1.0}}}, "used 1.5 of 4 cores"),
        ({"after": {"processor": {"busy": 102.0, "stolen": 1.2}}}, "host took 10 % of the time"),
        ({"after": {"preempted": 9}}, "lost its core 9 times in 60 runs"),
        ({"p99": 0.047}, "4.7 times the median"),
    ],
)
def test_each_disturbance_is_named(changes: dict[str, Any], said: str) -> None:
    found = disturbances(_result(**changes), 4)
    assert len(found) == 1 and said in found[0]


def test_a_load_average_from_before_does_not_count_when_nothing_ran_during() -> None:
    """The load average looks a minute back; the counters see the benchmark itself."""
    assert disturbances(_result(before={"load": 3.2}), 4) == []


def test_a_charging_battery_is_no_warning() -> None:
    assert disturbances(_result(after={"battery": {"level": 12.0, "status": "Charging"}}), 4) == []


def test_throttling_bits_are_told_one_by_one() -> None:
    """0x50005: under-voltage and throttled, now and before; the present is enough."""
    assert len(disturbances(_result(after={"throttled": 0x50005}), 4)) == 2


def test_a_runner_that_sees_little_is_understood() -> None:
    """Only the keys that the first runners gave."""
    little = {"temperature": 50.0, "frequencies": [1.8e9], "governors": [], "throttled": None, "load": 0.1}
    result = {"stable": True, "p50": 0.01, "p99": 0.011, "samples": [0.01] * 60, "runs": 60, "before": little}
    assert disturbances({**result, "after": little}, 4) == []
    (said,) = disturbances({**result, "after": {**little, "frequencies": [0.6e9]}}, 4)
    assert "between 1800 and 600 MHz" in said
