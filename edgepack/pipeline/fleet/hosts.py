"""Which devices a run is for: one, or those of a list or an inventory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.ground.errors import ProjectError
from edgepack.ground.progress import Progress
from edgepack.kinds import KINDS, words
from edgepack.project.inventory.inventory import Host, read_inventory
from edgepack.project.inventory.limit import limit_hosts

if TYPE_CHECKING:
    from edgepack.pipeline.destination import Destination


def find_hosts(destination: Destination, progress: Progress) -> tuple[Host, ...] | None:
    """The devices of a fleet; None when the run is for one device.

    `--inventory` comes first, then a single device from `--device` or the environment, then `addresses` or `inventory` of the
    target's profile.

    Raises:
        ProjectError: EP-113 and EP-114 as the inventory says, EP-115 for options that need a fleet, or do not go together.
    """
    request, target = destination.request, destination.target
    settings = target.device
    file = request.inventory
    if file is not None and request.device is not None:
        raise ProjectError("EP-115", "--inventory and --device cannot be given together", "choose a host with --limit")
    if file is not None and not destination.kind.many:
        known = words(kind for kind in KINDS.values() if kind.many)
        raise ProjectError("EP-115", f"--inventory: target {target.name} is no device of a network", f"use an {known} target")
    variables = destination.kind.variables(target.name)
    single = request.device is not None or any(os.environ.get(variable) for variable in variables)
    if file is None and not single and settings.inventory is not None:
        file = _beside(target.file, settings.inventory)
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
