"""What became of a deployment to many devices, as plain data."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgepack.ground.files import sha256_bytes
from edgepack.ground.plain import NOT_IN_JSON, plain, typed
from edgepack.judge.verdict import Verdict
from edgepack.measure.types import Measurement
from edgepack.project.types import Target
from edgepack.report.parts import AnyDeviceFacts, Row, device_from_json, part_to_json
from edgepack.report.report import SCHEMA_VERSION, Report, deployment_from_json

if TYPE_CHECKING:
    from edgepack.releases.types import Deployment

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
    device: AnyDeviceFacts | None = None
    deployment: Deployment | None = None

    def measurement(self, quantity: str) -> Measurement | None:
        """The first measurement of a quantity that has a value."""
        return next((item for item in self.measurements if item.quantity == quantity and item.value is not None), None)


@dataclass(frozen=True)
class FleetReport:
    """A deployment to many devices; `exit_code` is the worst of theirs, `stopped_by` why the roll-out ended early.

    `model_path` is the .tflite that ships and `folder` where report.html, report.json and each device's own reports are, where
    that is known; neither is part of report.json.
    """

    name: str
    target: Target
    release: str
    devices: tuple[FleetDevice, ...]
    exit_code: int
    created: str
    seconds: float
    stopped_by: str = ""
    warnings: tuple[str, ...] = ()
    kind: str = "fleet"
    schema: int = SCHEMA_VERSION
    model_path: Path | None = field(default=None, compare=False, metadata=NOT_IN_JSON)
    folder: Path | None = field(default=None, compare=False, metadata=NOT_IN_JSON)

    @property
    def passed(self) -> bool:
        """Whether every device runs the release and meets every budget that counts (exit code 0)."""
        return self.exit_code == 0

    @property
    def accuracy(self) -> float | None:
        """The project's metric as the first device says that measured it; all run the same artifact. None without data."""
        found = (device.measurement("accuracy") for device in self.devices)
        return next((item.value for item in found if item is not None), None)

    def to_dict(self) -> Row:
        """What a fleet's report.json holds: dictionaries, lists, text and finite numbers."""
        row: Row = plain(self)
        row["devices"] = [
            {**plain(one), "device": part_to_json(one.device), "deployment": part_to_json(one.deployment)} for one in self.devices
        ]
        return row

    def _repr_html_(self) -> str:
        """The headline and each device's state as a table, for a notebook."""
        from edgepack.report.notebook import fleet_fragment

        return fleet_fragment(self)

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
    """The report whose `to_dict` gave these values.

    Raises:
        KeyError, TypeError, ValueError: the values are no fleet's report of this schema version.
    """
    if values["schema"] != SCHEMA_VERSION or values["kind"] != "fleet":
        raise ValueError(f"schema {values['schema']!r} instead of {SCHEMA_VERSION}")
    given = {"target": typed(Target, values["target"]), "devices": tuple(_device(row) for row in values["devices"])}
    return FleetReport(**{**values, **given, "warnings": tuple(values["warnings"])})


def _device(row: Mapping[str, Any]) -> FleetDevice:
    given = {
        "verdicts": tuple(typed(Verdict, one) for one in row["verdicts"]),
        "measurements": tuple(typed(Measurement, one) for one in row["measurements"]),
        "device": device_from_json(row.get("device", {})),
        "deployment": deployment_from_json(row.get("deployment", {})),
    }
    return FleetDevice(**{**row, **given})


def worst(devices: Sequence[FleetDevice]) -> int:
    """The exit code of all: a device that failed (4) outweighs a missed budget (1)."""
    return max((device.exit_code for device in devices), default=0)
