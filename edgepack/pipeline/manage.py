"""What is on devices, and off again: listing, rolling back, uninstalling, on one device or on many."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from edgepack.deploy.releases.deploy import rollback
from edgepack.deploy.releases.types import InstalledRelease, Rollback, Uninstalled
from edgepack.deploy.releases.uninstall import installed, uninstall
from edgepack.devices import Device, open_device
from edgepack.ground.errors import EdgepackError, ProjectError
from edgepack.ground.progress import Progress
from edgepack.pipeline.fleet.hosts import find_hosts
from edgepack.pipeline.fleet.progress import FleetProgress
from edgepack.pipeline.fleet.rolling import Crew
from edgepack.pipeline.request import Plan, Request, prepare
from edgepack.project import Target, device_address, load_target, split_overrides
from edgepack.project.inventory.inventory import Host

T = TypeVar("T")


@dataclass(frozen=True)
class Managed(Generic[T]):
    """What came of one device: a result, or the error; `name` is the device's in the inventory, or its address."""

    name: str
    result: T | None
    error: EdgepackError | None = None

    @property
    def exit_code(self) -> int:
        """0, or the error's."""
        return 0 if self.error is None else self.error.exit_code


def run_rollback(request: Request, progress: Progress, to: str | None = None) -> tuple[Managed[Rollback], ...]:
    """Make the release before the current one, or the one named `to`, current again on the target's devices.

    Raises:
        DeviceError: with one device EP-531 when there is none, EP-532 when it is damaged; what reaching it says.
    """
    plan = _plan(request)
    name = _name(request, plan)
    return _each(plan, progress, lambda device, own: rollback(name, device, plan.target, own, to))


def run_uninstall(request: Request, progress: Progress) -> tuple[Managed[Uninstalled], ...]:
    """Remove a project, or what is named like the request's project, from the target's devices.

    Raises:
        DeviceError: with one device EP-531 when nothing of it is there, EP-514 while it is being deployed.
    """
    plan = _plan(request)
    name = _name(request, plan)
    return _each(plan, progress, lambda device, own: uninstall(name, device, plan.target, own))


def list_installed(
    request: Request, progress: Progress, everything: bool = False
) -> tuple[Managed[tuple[InstalledRelease, ...]], ...]:
    """The releases of a project on the target's devices, or of all projects there.

    Raises:
        DeviceError: with one device what reaching it says.
    """
    plan = _plan(request)
    name = None if everything else _name(request, plan)
    return _each(plan, progress, lambda device, own: installed(device, plan.target, name))


@dataclass(frozen=True)
class _Bare:
    """As much of a Plan as managing needs, for a name without a project."""

    request: Request
    target: Target


def _plan(request: Request) -> Plan | _Bare:
    plan: Plan | _Bare
    if _is_project(request.project):
        plan = prepare(request)
    else:
        _, for_target = split_overrides(request.overrides)
        plan = _Bare(request, load_target(request.target, None, for_target))
    if plan.target.device.kind == "mcu":
        raise ProjectError(
            "EP-116",
            f"target {plan.target.name}: a microcontroller holds one firmware, and no releases",
            "use a target of kind local, ssh or adb; `edgepack targets` lists them",
        )
    return plan


def _is_project(path: Path) -> bool:
    return path.is_dir() or path.suffix in (".tflite", ".toml") or len(path.parts) > 1


def _name(request: Request, plan: Plan | _Bare) -> str:
    return plan.project.name if isinstance(plan, Plan) else str(request.project)


def _each(plan: Plan | _Bare, progress: Progress, work: Callable[[Device, Progress], T]) -> tuple[Managed[T], ...]:
    """Do `work` on every device of the plan. The error of a single device is raised, of several each has its own."""
    hosts = find_hosts(plan, progress)
    if hosts is None:
        address = device_address(plan.target, plan.request.device, os.environ)
        with open_device(plan.target, address) as device:
            return (Managed(device.name, work(device, progress)),)

    def one(host: Host) -> Managed[T]:
        try:
            with shown.device(host.name) as own, open_device(plan.target, host.address) as device:
                managed = Managed(host.name, work(device, own))
        except EdgepackError as error:
            managed = Managed(host.name, None, error)
        shown.finished(host.name, str(managed.error or "done"), managed.error is None)
        return managed

    with FleetProgress(progress, len(hosts)) as shown:
        crew: Crew[Managed[T]] = Crew(one, plan.request.workers)
        crew.run(hosts, lambda managed: False)
    return tuple(found for host in hosts if isinstance(found := crew.results[host.name], Managed))
