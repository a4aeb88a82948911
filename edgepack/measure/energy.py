"""Energy an inference from what the runner's power sensor said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgepack.measure.types import Measurement, Method
from edgepack.project import Target


def energy_measurements(
    result: Mapping[str, Any], target: Target, method: Method, conditions: dict[str, Any]
) -> tuple[Measurement, ...]:
    """`energy` (all the sensor sees while inferences follow each other) and `energy_above_idle`, in joules.

    Without a sensor there is one measurement without a value, saying why, when the target has a budget for energy, else none.
    `result` is a runner's `bench` result.
    """
    found = result.get("energy")
    if found is None or "energy" not in found:
        if target.budget.energy is None:
            return ()
        reason = "it was switched off" if found is None else str(found["reason"])
        return (Measurement("energy", None, "J", method, reason, conditions),)
    note = "; not the target's hardware" if method == "stand-in" else ""
    how = {**conditions, "sensor": found["source"], "samples": found["samples"], "seconds": round(found["seconds"], 3)}
    busy, idle = found["busy_watts"], found["idle_watts"]
    detail = f"{busy:.3g} W in the steady loop times {found['seconds'] / found['runs'] * 1e3:.4g} ms a run, idle power included"
    above = f"{busy:.3g} W in the steady loop less {idle:.3g} W idle"
    return (
        Measurement("energy", found["energy"], "J", method, f"{detail}{note}", how),
        Measurement("energy_above_idle", found["energy_above_idle"], "J", method, f"{above}{note}", how),
    )
