"""Kinds of devices: one file a kind says everything that edgepack has to know of it (docs/contributing/add-a-device-kind.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from edgepack.ground.errors import DeviceError
from edgepack.kinds.adb import ADB
from edgepack.kinds.kind import DeviceKind, DeviceTarget
from edgepack.kinds.local import LOCAL
from edgepack.kinds.mcu import MCU
from edgepack.kinds.ssh import SSH

if TYPE_CHECKING:
    from edgepack.devices import Device

__all__ = ["KINDS", "DeviceKind", "DeviceTarget", "check_standin", "kind_of", "open_device", "words"]

KINDS: Mapping[str, DeviceKind] = {kind.name: kind for kind in (LOCAL, SSH, ADB, MCU)}
"""Every kind by its name, in the order in which messages list them."""


def kind_of(target: DeviceTarget) -> DeviceKind:
    """The kind of a target's device."""
    return KINDS[target.device.kind]


def open_device(target: DeviceTarget, address: str | None = None) -> AbstractContextManager[Device]:
    """The device of a target, closed when the block ends.

    Args:
        target: Its [device] table says the kind and how to recognise the hardware.
        address: An ssh address, `standin` or `standin:NAME`, or for adb a serial number or host:port; None takes the profile's.
            Without one an ssh target gets a stand-in that is started for the occasion; an adb target the only device attached,
            and a stand-in when none is.

    Raises:
        DeviceError: EP-500 for an address that is none, EP-523 for a kind without a shell; errors of reaching it come with
            the first command, or for adb (EP-540 to EP-547) at once.
        ToolError: EP-681 or EP-682 when openssh is missing, EP-686 when adb is.
    """
    kind = kind_of(target)
    return kind.open(target, address or kind.own_address(target.device))


def check_standin(target: DeviceTarget) -> None:
    """Raise EP-523 for a target that `edgepack device up` starts no stand-in for."""
    kind = kind_of(target)
    if kind.instead_of_standin:
        reached = words(one for one in KINDS.values() if not one.instead_of_standin)
        raise DeviceError(
            "EP-523",
            f"stand-ins are for {reached} targets, and {target.name} is of kind {kind.name}",
            f"{target.name} {kind.instead_of_standin}; `edgepack targets` lists the {reached} targets",
        )


def words(kinds: Iterable[DeviceKind]) -> str:
    """The names of kinds for a message.

    >>> words(kind for kind in KINDS.values() if kind.holds == "release")
    'local, ssh or adb'
    """
    names = [kind.name for kind in kinds]
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
