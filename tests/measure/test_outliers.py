"""Which latencies are shown as outliers: those that stand out from the spread of the others and are slower by a fifth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import median_abs_deviation

from edgepack.engines.types import Runner
from edgepack.measure.latency import _measurements, _outliers
from edgepack.measure.types import Measurement
from edgepack.project import load_target

RUNNER = Runner(("python3", "run.py"), "litert", "2.3.0", 1, "wheels in the release", 60.0)
STATE = {"temperature": None, "frequencies": [], "governors": []}


def shown(samples: list[float]) -> Measurement:
    """The measurement that tells of outliers, for a benchmark with these samples in seconds."""
    middle = sorted(samples)[len(samples) // 2]
    result = dict.fromkeys(("min", "p50", "p95", "p99", "mean", "max", "first"), middle)
    result |= {
        "samples": samples,
        "runs": len(samples),
        "warmup_runs": 3,
        "after": STATE,
        "peak_memory": None,
        "memory_before": None,
    }
    target = load_target("host", None)
    target = replace(target, device=replace(target.device, power="none"))
    return next(item for item in _measurements(result, RUNNER, target, "hardware") if item.quantity == "latency_outliers")


def test_a_stall_among_even_runs_is_the_only_outlier_and_is_named_with_its_factor() -> None:
    found = shown([0.010] * 60 + [0.025])
    assert (found.value, found.unit) == (1.0, "runs")
    assert found.detail == "of 61, kept in every figure; the slowest took 2.5 times the median"


def test_even_runs_have_none() -> None:
    found = shown([0.010, 0.0101, 0.0099] * 20)
    assert (found.value, found.detail) == (0.0, "none of 60 runs stands out")


@pytest.mark.parametrize(("slowest", "outliers"), [(0.0119, []), (0.01199, []), (0.01201, [0.01201]), (0.02, [0.02])])
def test_where_all_runs_take_the_same_a_fifth_more_is_needed(slowest: float, outliers: list[float]) -> None:
    assert _outliers([0.010] * 50 + [slowest]) == outliers


@pytest.mark.parametrize(("times", "is_outlier"), [(4.9, False), (5.1, True)])
def test_where_runs_differ_much_five_deviations_are_needed(times: float, is_outlier: bool) -> None:
    """The deviation is scipy's, scaled so that it estimates a normal distribution's standard deviation."""
    samples = [0.006 + 0.0001 * step for step in range(81)]
    with_slow = [*samples, 1.0]  # whose own size moves neither the median nor the deviation
    deviation, median = float(median_abs_deviation(with_slow, scale="normal")), float(np.median(with_slow))
    assert 5 * deviation > 0.2 * median, "the deviations decide here, not the fifth"
    slow = median + times * deviation
    assert _outliers([*samples, slow]) == ([slow] if is_outlier else [])


def test_fast_runs_are_none_and_several_are_counted_in_order() -> None:
    assert _outliers([0.010] * 30 + [0.001, 0.05, 0.03]) == [0.03, 0.05]
