"""What may have made a benchmark wrong is said in words."""

from __future__ import annotations

from typing import Any

import pytest

from edgepack.measure.latency import disturbances


def _result(**changes: Any) -> dict[str, Any]:
    calm = {"temperature": 48.0, "frequencies": [1.8e9], "governors": ["performance"], "throttled": 0, "load": 0.1}
    before, after = {**calm, **changes.pop("before", {})}, {**calm, **changes.pop("after", {})}
    return {"stable": True, "p50": 0.010, "p99": 0.011, "before": before, "after": after, **changes}


def test_a_calm_device_gives_no_warning() -> None:
    assert disturbances(_result(), 4) == []
    unknown = {"temperature": None, "frequencies": [], "governors": [], "throttled": None, "load": None}
    assert disturbances(_result(before=unknown, after=unknown), None) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stable": False}, "never became stable"),
        ({"after": {"governors": ["ondemand"]}}, "governor is ondemand"),
        ({"after": {"throttled": 0x1}}, "under-voltage now"),
        ({"after": {"throttled": 0x50000}}, "throttled since it was started"),
        ({"after": {"temperature": 83.2}}, "83 °C"),
        ({"after": {"frequencies": [0.6e9]}}, "from 1800 to 600 MHz"),
        ({"before": {"load": 3.2}}, "load average 3.20 on 4 cores"),
        ({"p99": 0.047}, "4.7 times the median"),
    ],
)
def test_each_disturbance_is_named(changes: dict[str, Any], said: str) -> None:
    assert any(said in warning for warning in disturbances(_result(**changes), 4))


def test_throttling_bits_are_told_one_by_one() -> None:
    """0x50005: under-voltage and throttled, now and before; the present is enough."""
    assert len(disturbances(_result(after={"throttled": 0x50005}), 4)) == 2
