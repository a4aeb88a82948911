"""What is on devices, and off again: listing, rolling back, uninstalling, on one device or on many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from edgepack.devices import Device
from edgepack.ground.errors import DeviceError, EdgepackError, ProjectError
from edgepack.ground.progress import Progress
from edgepack.kinds import KINDS, words
from edgepack.pipeline.destination import Destination, DeviceRequest, find_target
from edgepack.pipeline.fleet.hosts import find_hosts
from edgepack.pipeline.fleet.progress import FleetProgress
from edgepack.pipeline.fleet.rolling import Crew
from edgepack.pipeline.request import read_project
from edgepack.project import is_model, split_overrides
from edgepack.project.inventory.inventory import Host
from edgepack.releases.deploy import rollback
from edgepack.releases.types import InstalledRelease, Rollback, Uninstalled
from edgepack.releases.uninstall import installed, uninstall

T = TypeVar("T")


@dataclass(frozen=True)
class Managed(Generic[T]):
    """What came of one device: a result, or the error, or both where something there is wrong.

    `name` is the device's in the inventory, or its address.
    """

    name: str
    result: T | None
    error: EdgepackError | None = None

    @property
    def exit_code(self) -> int:
        """0, or the error's."""
        return 0 if self.error is None else self.error.exit_code


def run_rollback(
    request: DeviceRequest, project: Path, progress: Progress, to: str | None = None
) -> tuple[Managed[Rollback], ...]:
    """Make the release before the current one, or the one named `to`, current again on the target's devices.

    Args:
        request: The devices.
        project: A project folder, a .tflite file, or the name under which it was deployed.

    Raises:
        DeviceError: with one device EP-531 when there is none, EP-532 when it is damaged; what reaching it says.
        ProjectError: EP-116 for a target that holds no releases.
    """
    name, destination = _find(request, project)
    return _each(destination, progress, lambda device, own: rollback(name, device, destination.target, own, to))


def run_uninstall(request: DeviceRequest, project: Path, progress: Progress) -> tuple[Managed[Uninstalled], ...]:
    """Remove a project, named as for `run_rollback`, from the target's devices.

    Raises:
        DeviceError: with one device EP-531 when nothing of it is there, EP-514 while it is being deployed.
        ProjectError: EP-116 for a target that holds no releases.
    """
    name, destination = _find(request, project)
    return _each(destination, progress, lambda device, own: uninstall(name, device, destination.target, own))


def list_installed(
    request: DeviceRequest, progress: Progress, project: Path | None = None
) -> tuple[Managed[tuple[InstalledRelease, ...]], ...]:
    """The releases of a project, named as for `run_rollback`, on the target's devices; of everything there without one.

    Raises:
        DeviceError: with one device what reaching it says. A release whose files changed is no such error: EP-534 comes beside
            the list.
        ProjectError: EP-116 for a target that holds no releases.
    """
    name, destination = (None, _destination(request)) if project is None else _find(request, project)
    found = _each(destination, progress, lambda device, own: installed(device, destination.target, name))
    return tuple(replace(one, error=one.error or _damage(one.name, one.result or ())) for one in found)


def _damage(device: str, releases: tuple[InstalledRelease, ...]) -> EdgepackError | None:
    bad = [row for row in releases if row.damaged]
    if not bad:
        return None
    which = ", ".join(f"{row.release} of {row.name} ({row.damaged})" for row in bad)
    return DeviceError("EP-534", f"{device}: not what was deployed: {which}", "deploy that version again, which mends it")


def _find(request: DeviceRequest, project: Path) -> tuple[str, Destination]:
    """The name under which something is deployed, and the devices; a project's folder may hold the target's profile."""
    if not (project.is_dir() or project.suffix == ".toml" or is_model(project) or len(project.parts) > 1):
        return str(project), _destination(request)
    for_project, _ = split_overrides(request.overrides)
    read = read_project(project, for_project)
    return read.name, _destination(request, read.folder)


def _destination(request: DeviceRequest, folder: Path | None = None) -> Destination:
    _, for_target = split_overrides(request.overrides)
    destination = Destination(request, find_target(request, folder, for_target))
    kind = destination.kind
    if kind.holds != "release":
        known = words(one for one in KINDS.values() if one.holds == "release")
        raise ProjectError(
            "EP-116",
            f"target {destination.target.name}: {kind.title} holds one firmware, and no releases",
            f"use a target of kind {known}; `edgepack targets` lists them",
        )
    return destination


def _each(destination: Destination, progress: Progress, work: Callable[[Device, Progress], T]) -> tuple[Managed[T], ...]:
    """Do `work` on every device of a run. The error of a single device is raised, of several each has its own."""
    hosts = find_hosts(destination, progress)
    if hosts is None:
        with destination.open() as device:
            return (Managed(device.name, work(device, progress)),)

    def one(host: Host) -> Managed[T]:
        try:
            with shown.device(host.name) as own, destination.open(host.address) as device:
                managed = Managed(host.name, work(device, own))
        except EdgepackError as error:
            managed = Managed(host.name, None, error)
        shown.finished(host.name, str(managed.error or "done"), managed.error is None)
        return managed

    with FleetProgress(progress, len(hosts)) as shown:
        crew: Crew[Managed[T]] = Crew(one, destination.request.workers)
        crew.run(hosts, lambda managed: False)
    return tuple(found for host in hosts if isinstance(found := crew.results[host.name], Managed))
