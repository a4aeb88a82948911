"""What a judged budget looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgepack.measure.types import Measurement

Status = Literal["PASS", "FAIL", "NOT MEASURED"]

# Budgets in the order they are shown, and the unit of their limits and measurements.
BUDGET_UNITS = {
    "accuracy": "",
    "accuracy_drop": "",
    "model_size": "bytes",
    "flash": "bytes",
    "ram": "bytes",
    "peak_memory": "bytes",
    "latency_p50": "s",
    "latency_p95": "s",
    "latency_p99": "s",
    "energy": "J",
}

# What depends on the speed, the memory system or the supply of the very hardware the target names.
HARDWARE_BUDGETS = frozenset({"peak_memory", "latency_p50", "latency_p95", "latency_p99", "energy"})


@dataclass(frozen=True)
class Verdict:
    """One budget, what was measured of it, and what follows.

    `limit` is in `unit` ("bytes", "s", "J", or "" for a share), and the most there may be; with `least`, the least. `why` is one
    sentence that says how the figure came about and what it is worth; it belongs beside the status wherever that is shown.
    `counts` is false for a figure that nobody can have: it is no reason to fail.
    """

    budget: str
    limit: float
    unit: str
    measurement: Measurement | None
    status: Status
    why: str
    least: bool = False
    counts: bool = True

    @property
    def needs_hardware(self) -> bool:
        """Whether only the target's own hardware can answer this budget."""
        return self.budget in HARDWARE_BUDGETS

    @property
    def on_estimate(self) -> bool:
        """Whether it was judged on an estimate."""
        return self.measurement is not None and self.measurement.method == "estimate" and self.status != "NOT MEASURED"
