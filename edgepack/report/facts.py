"""Facts of devices, deployments and files as pairs of name and text, for lists in a page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edgepack.measure.types import Measurement
from edgepack.project.units import format_bytes, format_hertz, format_quantity

if TYPE_CHECKING:
    from edgepack.engines.types import Candidate, GoldenCheck
    from edgepack.releases.types import Deployment


def facts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is known, as (name, text): empty values and the device's own bookkeeping are left out."""
    hidden = {"boot", "clock", "home", "stand_in", "stand_in_reason"}
    return [
        (_words(name), fact(name, value))
        for name, value in values.items()
        if name not in hidden and value not in (None, "", [], {}, ())
    ]


def options(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a user wrote, as (name, text): a step's `temperature` is no degrees, and its `size` no bytes."""
    return [(_words(name), fact("", value)) for name, value in values.items() if value not in (None, "", [], {}, ())]


def conditions(measurement: Measurement) -> str:
    """Under which conditions something was measured: "engine litert 2.3.0, threads 1"."""
    return ", ".join(f"{_words(key)} {fact(key, value)}" for key, value in measurement.conditions.items())


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
        return ", ".join(f"{inner}: {fact(str(inner) if key else '', item)}" for inner, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(fact(key, item) for item in value)
    return str(value)


def deployment_facts(deployment: Deployment, model_bytes: int | None = None) -> list[tuple[str, str]]:
    """Where the release is and what ran it; `model_bytes` is the size of the .tflite."""
    runner = deployment.runner
    ran = f"{runner.engine} {runner.engine_version}, {_threads(runner.threads)}"
    moved = format_bytes(deployment.uploaded)
    if deployment.reused:
        moved += f", {format_bytes(deployment.reused)} were there already"
    found = [
        ("release", deployment.release),
        ("path", deployment.path),
        ("engine", f"{ran} ({runner.runtime})" if runner.runtime else ran),
        ("ways tried", "; ".join(candidate_text(one) for one in runner.candidates)),
        ("golden vectors", golden_text(deployment.golden)),
        ("replaced", deployment.replaced or ""),
        ("uploaded", moved),
        ("model.tflite", model_sent_text(deployment.model_sent, model_bytes)),
        ("took", format_quantity(deployment.seconds, "s")),
    ]
    return [(name, text) for name, text in found if text]


def model_sent_text(sent: int | None, size: int | None) -> str:
    """What of the model travelled: "on disk 96,256 B, sent 40,103 B"; "" where one of the two is not known."""
    if sent is None or size is None:
        return ""
    return f"on disk {size:,} B, {f'sent {sent:,} B' if sent else 'was there already'}"


def candidate_text(candidate: Candidate) -> str:
    """A way of running the model that was tried: "litert 2.3.0, 2 threads: 1.2 ms"."""
    name = f"{candidate.engine} {candidate.engine_version}, {_threads(candidate.threads)}"
    if candidate.median is None:
        return f"{name}: {candidate.reason or 'failed'}"
    return f"{name}: {format_quantity(candidate.median, 's')}"


def golden_text(golden: GoldenCheck) -> str:
    """How the device's outputs compare with the reference kernels'."""
    if not golden.inputs_differing:
        return f"all {golden.inputs} equal the reference bit for bit"
    largest = f"{golden.max_difference:g} {golden.unit}".strip()
    moved = golden.answers_moved
    answers = f"{moved} answer{'' if moved == 1 else 's'} changed" if moved else "no answer changed"
    return f"{golden.inputs_differing} of {golden.inputs} differ from the reference, at most by {largest}; {answers}"


def _threads(number: int) -> str:
    return f"{number} thread{'' if number == 1 else 's'}"


def _words(name: str) -> str:
    """peak_activation_bytes -> "peak activation": the value's text has the unit."""
    return re.sub(r"_(bytes|hz)$", "", name).replace("_", " ")
