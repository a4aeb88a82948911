"""Which devices a run is for, and how they are reached; nothing of the project that goes there."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from edgepack.devices import Device
from edgepack.ground.errors import ProjectError
from edgepack.kinds import DeviceKind, kind_of
from edgepack.project import Target, device_address, load_target


@dataclass(frozen=True, kw_only=True)
class DeviceRequest:
    """The devices as the user asked for them: a target, its name or its file, changes to it, and which of its devices.

    The last six are for several devices: `inventory` names them, `limit` chooses among them, `canary` of them come first, the
    others in groups of `batch` (0: all), at most `workers` at a time; `on_failure` is what happens when a device computes
    something wrong or misses a budget.
    """

    target: str | Target = "cortex-m4"
    overrides: tuple[str, ...] = ()
    device: str | None = None
    inventory: Path | None = None
    limit: str | None = None
    canary: int = 0
    batch: int = 0
    workers: int = 8
    on_failure: Literal["rollback", "stop", "continue"] = "rollback"


def find_target(request: DeviceRequest, folder: Path | None, overrides: tuple[str, ...]) -> Target:
    """The target that a run is for; `folder` is a project's, which may hold its profile.

    Raises:
        ProjectError: EP-165 for changes to a target that is an object; EP-107 and what else `load_target` says.
    """
    if not isinstance(request.target, Target):
        return load_target(request.target, folder, overrides)
    if overrides:
        raise ProjectError(
            "EP-165",
            f"{overrides[0]}: target {request.target.name} was given as an object, which nothing can be set in",
            "set it where the object comes from: load_target(name, settings={...})",
        )
    return request.target


@dataclass(frozen=True)
class Destination:
    """A target that was read and found right, and which of its devices was asked for."""

    request: DeviceRequest
    target: Target

    @property
    def kind(self) -> DeviceKind:
        """The kind of its devices."""
        return kind_of(self.target)

    @cached_property
    def address(self) -> str | None:
        """The device of a run for one device: `--device`, else the environment, else the profile; None when nobody names one.

        Not to be asked when `find_hosts` has found several: what the environment says is then of no account.

        Raises:
            ProjectError: EP-109 for an address that cannot be one.
        """
        return device_address(self.target, self.request.device, os.environ)

    def check_address(self) -> None:
        """Find out, without waiting, what of the address cannot be used.

        Raises:
            ProjectError, DeviceError: as the kind says.
        """
        if self.address is not None:
            self.kind.check_address(self.address)

    def open(self, address: str | None = None) -> AbstractContextManager[Device]:
        """The device, or that of a fleet at `address`, closed when the block ends.

        Raises:
            DeviceError, ToolError: as `edgepack.kinds.open_device` says.
        """
        return self.kind.open(self.target, self.address if address is None else address)
