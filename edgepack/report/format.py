"""How figures are worded, the same in the terminal, in HTML and in model cards."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from edgepack.judge.verdict import Verdict
from edgepack.measure.types import Measurement
from edgepack.project.units import format_bytes, format_hertz, format_quantity

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

METHODS = {
    "hardware": "on the device",
    "stand-in": "on a stand-in",
    "emulated": "emulated",
    "estimate": "estimate",
    "file": "from the file",
    "host": "on this machine",
}

METHOD_MEANINGS = {
    "hardware": "measured on the target's own hardware",
    "stand-in": "measured on another machine in the target's place: bytes and accuracy carry over, time and memory do not",
    "emulated": "counted exactly by an emulator of the target's processor, which does not model time",
    "estimate": "derived from a model of the hardware; not a measurement",
    "file": "read off the file that ships",
    "host": "computed on this machine with the file that ships",
}


def label(quantity: str) -> str:
    """latency_p50 -> "Latency, median"; an unknown quantity with its underscores as spaces."""
    return _LABELS.get(quantity, quantity.replace("_", " ").capitalize())


def value_of(measurement: Measurement | None) -> str:
    """A measurement's value with its unit, or a dash."""
    if measurement is None or measurement.value is None:
        return "—"
    return format_quantity(measurement.value, measurement.unit)


def conditions(measurement: Measurement) -> str:
    """Under which conditions something was measured: "engine litert 2.3.0, threads 1"."""
    return ", ".join(f"{_words(key)} {fact(key, value)}" for key, value in measurement.conditions.items())


def judged_value(verdict: Verdict) -> str:
    """The value a verdict is about; in parentheses when it could not be judged."""
    text = value_of(verdict.measurement)
    return f"({text})" if verdict.status == "NOT MEASURED" and text != "—" else text


def count(value: float | None) -> str:
    """12501632 -> "12.5 M", 2656 -> "2,656", None -> a dash."""
    if value is None:
        return "—"
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            scale = 1e3 if suffix == "k" else size
            return f"{value / scale:.3g} {suffix}"
    return f"{value:,.0f}"


def share(value: float | None) -> str:
    """0.503 -> "50.3 %"."""
    return "—" if value is None else f"{100 * value:.3g} %" if value < 0.9995 else f"{100 * value:.4g} %"


def metric(value: float | None) -> str:
    """A metric with four decimals: 0.8719."""
    return "—" if value is None else f"{value:.4f}"


def metric_with_interval(value: float | None, interval: Sequence[float] | None) -> str:
    """A metric and the half width of its 95 % interval: "0.8719 ± 0.0066"."""
    if value is None or interval is None:
        return metric(value)
    return f"{value:.4f} ± {(interval[1] - interval[0]) / 2:.4f}"


def bits(value: float | None) -> str:
    """Bits a weight with two decimals."""
    return "—" if value is None else f"{value:.2f}"


def shape(dimensions: list[int]) -> str:
    """[1, 32, 32, 16] -> "1×32×32×16"."""
    return "×".join(str(size) for size in dimensions) or "scalar"


def fact(key: str, value: Any) -> str:
    """One entry of a device's, a deployment's or a file's facts as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        if key in ("memory", "disk_free", "bytes", "size", "size_bytes") or key.endswith("_bytes"):
            return format_bytes(value)
        if key in ("frequency", "clock_hz") or key.endswith("_hz"):
            return format_hertz(value)
        if key == "temperature":
            return f"{value:.1f} °C"
        if key.startswith("seconds") or key.endswith("_s"):
            return format_quantity(float(value), "s")
        return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{inner}: {fact(str(inner), item)}" for inner, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(fact(key, item) for item in value)
    return str(value)


def _words(name: str) -> str:
    """peak_activation_bytes -> "peak activation": the value's text has the unit."""
    return re.sub(r"_(bytes|hz)$", "", name).replace("_", " ")


def deployment_facts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where the release is and what ran it, from a Deployment's fields; other mappings as `facts` shows them."""
    runner, golden = values.get("runner"), values.get("golden")
    if not (isinstance(runner, Mapping) and isinstance(golden, Mapping)):
        return facts(values)
    threads = runner.get("threads")
    ran = f"{runner.get('engine')} {runner.get('engine_version')}, {threads} thread{'' if threads == 1 else 's'}"
    moved = fact("bytes", values.get("uploaded", 0))
    if values.get("reused"):
        moved += f", {fact('bytes', values['reused'])} were there already"
    found = [
        ("release", str(values.get("release"))),
        ("path", str(values.get("path"))),
        ("engine", f"{ran} ({runner.get('runtime')})" if runner.get("runtime") else ran),
        ("ways tried", "; ".join(candidate_text(row) for row in runner.get("candidates") or [])),
        ("golden vectors", golden_text(golden)),
        ("replaced", str(values.get("replaced") or "")),
        ("uploaded", moved),
        ("took", format_quantity(float(values.get("seconds") or 0), "s")),
    ]
    return [(name, text) for name, text in found if text]


def candidate_text(candidate: Mapping[str, Any]) -> str:
    """A way of running the model that was tried, from a Candidate's fields: "litert 2.3.0, 2 threads: 1.2 ms"."""
    threads = candidate.get("threads")
    name = f"{candidate.get('engine')} {candidate.get('engine_version')}, {threads} thread{'' if threads == 1 else 's'}"
    median = candidate.get("median")
    return (
        f"{name}: {candidate.get('reason') or 'failed'}" if median is None else f"{name}: {format_quantity(float(median), 's')}"
    )


def golden_text(golden: Mapping[str, Any]) -> str:
    """How the device's outputs compare with the reference kernels', from a GoldenCheck's fields."""
    inputs, differing = golden.get("inputs", 0), golden.get("inputs_differing", 0)
    if not differing:
        return f"all {inputs} equal the reference bit for bit"
    largest = f"{golden.get('max_difference', 0):g} {golden.get('unit', '')}".strip()
    moved = golden.get("answers_moved", 0)
    answers = f"{moved} answer{'' if moved == 1 else 's'} changed" if moved else "no answer changed"
    return f"{differing} of {inputs} differ from the reference, at most by {largest}; {answers}"


def facts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is known, as (name, text): empty values and the device's own bookkeeping are left out."""
    hidden = {"boot", "clock", "home", "stand_in", "stand_in_reason"}
    return [
        (_words(name), fact(name, value))
        for name, value in values.items()
        if name not in hidden and value not in (None, "", [], {}, ())
    ]
