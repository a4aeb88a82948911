"""Which devices a run is for: one, or those of a list or an inventory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edgepack.ground.errors import ProjectError
from edgepack.ground.progress import Progress
from edgepack.project import address_variables
from edgepack.project.inventory.inventory import Host, read_inventory
from edgepack.project.inventory.limit import limit_hosts

if TYPE_CHECKING:
    from edgepack.pipeline.request import Request
    from edgepack.project import Target


class Wanted(Protocol):
    """What is asked of a plan: a target, and which of its devices."""

    @property
    def request(self) -> Request:
        """What the user asked for."""

    @property
    def target(self) -> Target:
        """The profile."""


def find_hosts(plan: Wanted, progress: Progress) -> tuple[Host, ...] | None:
    """The devices of a fleet; None when the run is for one device.

    `--inventory` comes first, then a single device from `--device` or the environment, then `addresses` or `inventory` of the
    target's profile.

    Raises:
        ProjectError: EP-113 and EP-114 as the inventory says, EP-115 for options that need a fleet, or do not go together.
    """
    request, settings = plan.request, plan.target.device
    file = request.inventory
    if file is not None and request.device is not None:
        raise ProjectError("EP-115", "--inventory and --device cannot be given together", "choose a host with --limit")
    if file is not None and settings.kind not in ("ssh", "adb"):
        raise ProjectError(
            "EP-115", f"--inventory: target {plan.target.name} is no device of a network", "use an ssh or adb target"
        )
    single = request.device is not None or any(os.environ.get(variable) for variable in address_variables(plan.target))
    if file is None and not single and settings.inventory is not None:
        file = _beside(plan.target.file, settings.inventory)
    if file is not None:
        inventory = read_inventory(file)
        for note in inventory.notes:
            progress.note(note)
        return limit_hosts(inventory, request.limit)
    if settings.addresses and not single:
        from edgepack.project.inventory.inventory import Inventory

        hosts = tuple(Host(address, address) for address in settings.addresses)
        return limit_hosts(Inventory(hosts, {"all": settings.addresses}), request.limit)
    for option, value in (("--limit", request.limit), ("--canary", request.canary), ("--batch", request.batch)):
        if value:
            raise ProjectError(
                "EP-115", f"{option}: there is one device only", "name several with --inventory, or [device] addresses"
            )
    return None


def _beside(profile: Path, name: str) -> Path:
    """A path of the profile: relative to its folder."""
    return Path(name) if Path(name).is_absolute() else profile.parent / name
