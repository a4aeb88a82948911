"""What became of a deployment to many devices, as plain data."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from edgepack.ground.files import sha256_bytes
from edgepack.judge.verdict import Verdict
from edgepack.measure.types import Measurement
from edgepack.report.report import SCHEMA_VERSION, Report, Row, plain

State = Literal["deployed", "rolled back", "failed", "stopped", "not tried"]
STATES: tuple[State, ...] = ("deployed", "rolled back", "failed", "stopped", "not tried")


@dataclass(frozen=True)
class FleetDevice:
    """One device of a fleet.

    `state`: "deployed" the new release is current; "rolled back" it was, and the release before is again; "failed" it never
    became current, or the device did not answer; "stopped" the user interrupted; "not tried" the roll-out ended before.
    `current` is the release that is current there as far as known, "" when none is. `why` is one sentence for a person,
    `code` the error's. `file` is the device's own report, relative to the fleet's.
    """

    name: str
    address: str
    state: State
    exit_code: int = 0
    current: str | None = None
    why: str = ""
    code: str = ""
    hint: str = ""
    seconds: float = 0.0
    real_hardware: bool = False
    file: str = ""
    verdicts: tuple[Verdict, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    device: Row = field(default_factory=dict)
    deployment: Row = field(default_factory=dict)

    def measurement(self, quantity: str) -> Measurement | None:
        """The first measurement of a quantity that has a value."""
        return next((item for item in self.measurements if item.quantity == quantity and item.value is not None), None)


@dataclass(frozen=True)
class FleetReport:
    """A deployment to many devices; `exit_code` is the worst of theirs, `stopped_by` why the roll-out ended early."""

    name: str
    target: Row
    release: str
    devices: tuple[FleetDevice, ...]
    exit_code: int
    created: str
    seconds: float
    stopped_by: str = ""
    warnings: tuple[str, ...] = ()
    kind: str = "fleet"
    schema: int = SCHEMA_VERSION

    def as_json(self) -> Row:
        """Plain dictionaries, lists, text and finite numbers."""
        result = plain(self)
        assert isinstance(result, dict)
        return result

    def headline(self) -> str:
        """Such as "48 of 50 devices run release 1a2b3c, 1 failed, 1 not tried"."""
        counts = Counter(device.state for device in self.devices)
        text = f"{counts['deployed']} of {len(self.devices)} devices run release {self.release}"
        missed = sum(device.state == "deployed" and device.exit_code != 0 for device in self.devices)
        parts = [f"{missed} of them without meeting every budget"] if missed else []
        return ", ".join([text, *parts, *(f"{counts[state]} {state}" for state in STATES[1:] if counts[state])])


def with_report(device: FleetDevice, report: Report) -> FleetDevice:
    """The row of a device with what its own report says."""
    return replace(
        device,
        real_hardware=report.real_hardware,
        file=f"devices/{folder_name(device.name)}/report.html",
        verdicts=report.verdicts,
        measurements=report.measurements,
        device=report.device,
        deployment=report.deployment,
    )


def folder_name(host: str) -> str:
    """A host's name as a folder's: itself, or with other characters than the usual replaced and a hash that tells it apart."""
    plain_name = re.sub(r"[^A-Za-z0-9._@-]", "_", host).lstrip(".-")
    return host if plain_name == host else f"{plain_name}-{sha256_bytes(host.encode('utf-8', 'replace'))[:8]}"


def fleet_from_json(values: Mapping[str, Any]) -> FleetReport:
    """The report that `as_json` gave these values.

    Raises:
        KeyError, TypeError, ValueError: the values are no fleet's report of this schema version.
    """
    if values["schema"] != SCHEMA_VERSION or values["kind"] != "fleet":
        raise ValueError(f"schema {values['schema']!r} instead of {SCHEMA_VERSION}")
    devices = tuple(_device(row) for row in values["devices"])
    return FleetReport(**{**values, "devices": devices, "warnings": tuple(values["warnings"])})


def _device(row: Mapping[str, Any]) -> FleetDevice:
    return FleetDevice(
        **{
            **row,
            "verdicts": tuple(_verdict(verdict) for verdict in row["verdicts"]),
            "measurements": tuple(Measurement(**item) for item in row["measurements"]),
        }
    )


def _verdict(row: Mapping[str, Any]) -> Verdict:
    measurement = row["measurement"]
    return Verdict(**{**row, "measurement": None if measurement is None else Measurement(**measurement)})


def worst(devices: Sequence[FleetDevice]) -> int:
    """The exit code of all: a device that failed (4) outweighs a missed budget (1)."""
    return max((device.exit_code for device in devices), default=0)
