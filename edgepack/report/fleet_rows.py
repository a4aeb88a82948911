"""The rows of a fleet's table, as text, for the page and the terminal."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgepack.project.units import format_bytes, format_quantity
from edgepack.report.fleet import FleetDevice
from edgepack.report.format import value_of

COLUMNS = (
    ("device", False),
    ("state", False),
    ("budgets", True),
    ("median", True),
    ("sent", True),
    ("took", True),
    ("why", False),
)
"""Headings, and whether a column is aligned to the right."""

_TONES = {"deployed": "pass", "rolled back": "part", "not tried": "part", "stopped": "part", "failed": "fail"}


@dataclass(frozen=True)
class FleetRow:
    """A device as shown; `tone` is "pass", "part" or "fail", `link` the device's own page, "" when there is none."""

    name: str
    address: str
    state: str
    tone: str
    budgets: str
    latency: str
    sent: str
    took: str
    why: str
    hint: str
    link: str


def fleet_row(device: FleetDevice) -> FleetRow:
    """A device, worded."""
    passed = sum(verdict.status == "PASS" for verdict in device.verdicts)
    good = device.state == "deployed" and device.exit_code == 0
    return FleetRow(
        name=device.name,
        address=device.address,
        state=device.state,
        tone="pass" if good else "fail" if device.state == "deployed" else _TONES[device.state],
        budgets=f"{passed} of {len(device.verdicts)}" if device.verdicts else "—",
        latency=value_of(device.measurement("latency_p50")),
        sent="—" if device.deployment is None else format_bytes(device.deployment.uploaded),
        took=format_quantity(device.seconds, "s") if device.seconds else "—",
        why=device.why,
        hint=device.hint,
        link=_link(device.file),
    )


def _link(file: str) -> str:
    """The page beside this one, relative to it; nothing for what a stored report names elsewhere, such as javascript:."""
    return file if re.fullmatch(r"devices/[\w.@-]+/report\.html", file, re.ASCII) and "/../" not in file else ""
