"""How figures are worded, the same in the terminal, in HTML and in model cards."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgepack.judge.verdict import Verdict
from edgepack.measure.types import METHODS, Measurement
from edgepack.project.units import format_bytes, format_quantity

_LABELS = {
    "accuracy_drop": "Accuracy drop",
    "model_size": "Model size",
    "flash": "Flash",
    "ram": "RAM",
    "peak_memory": "Peak memory",
    "latency_min": "Latency, best",
    "latency_p50": "Latency, median",
    "latency_p95": "Latency, p95",
    "latency_p99": "Latency, p99",
    "latency_mean": "Latency, mean",
    "latency_max": "Latency, worst",
    "latency_first": "Latency, first run",
    "latency_outliers": "Latency, outliers",
    "cold_start": "Cold start",
    "energy": "Energy an inference",
    "energy_above_idle": "Energy above idle",
    "load_time": "Load time",
    "macs": "Multiply-accumulates",
}


def label(quantity: str) -> str:
    """latency_p50 -> "Latency, median"; an unknown quantity with its underscores as spaces."""
    return _LABELS.get(quantity, quantity.replace("_", " ").capitalize())


def method(name: str) -> str:
    """A measurement's method: stand-in -> "on a stand-in"; that of a later version by its name."""
    return METHODS[name].short if name in METHODS else name


def value_of(measurement: Measurement | None) -> str:
    """A measurement's value with its unit, or a dash."""
    if measurement is None or measurement.value is None:
        return "—"
    return format_quantity(measurement.value, measurement.unit)


def judged_value(verdict: Verdict) -> str:
    """The value a verdict is about; in parentheses when it could not be judged."""
    text = value_of(verdict.measurement)
    return f"({text})" if verdict.status == "NOT MEASURED" and text != "—" else text


def limit_of(verdict: Verdict) -> str:
    """A verdict's limit with its unit; "at least 0.9" where less would be a miss."""
    text = format_quantity(verdict.limit, verdict.unit)
    return f"at least {text}" if verdict.least else text


def count(value: float | None) -> str:
    """12501632 -> "12.5 M", 2656 -> "2,656", None -> a dash."""
    if value is None or math.isnan(value):
        return "—"
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            scale = 1e3 if suffix == "k" else size
            return f"{value / scale:.3g} {suffix}"
    return f"{value:,.0f}"


def share(value: float | None) -> str:
    """0.503 -> "50.3 %"."""
    if value is None or math.isnan(value):
        return "—"
    return f"{100 * value:.3g} %" if value < 0.9995 else f"{100 * value:.4g} %"


def metric(value: float | None) -> str:
    """A metric with four decimals: 0.8719."""
    return "—" if value is None or math.isnan(value) else f"{value:.4f}"


def metric_with_interval(value: float, interval: Sequence[float] | None) -> str:
    """A metric and the half width of its 95 % interval: "0.8719 ± 0.0066"."""
    if math.isnan(value) or interval is None:
        return metric(value)
    return f"{value:.4f} ± {(interval[1] - interval[0]) / 2:.4f}"


def bits(value: float | None) -> str:
    """Bits per weight with two decimals."""
    return "—" if value is None or math.isnan(value) else f"{value:.2f}"


def size(value: float | None) -> str:
    """A number of bytes, or a dash."""
    return "—" if value is None else format_bytes(value)


def shape(dimensions: Sequence[int]) -> str:
    """[1, 32, 32, 16] -> "1×32×32×16"."""
    return "×".join(str(size) for size in dimensions) or "scalar"
