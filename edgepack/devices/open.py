"""From a target and an address to an open device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edgepack.devices.adb import AdbDevice
from edgepack.devices.device import Device
from edgepack.devices.local import LocalDevice
from edgepack.devices.ssh import SshDevice
from edgepack.devices.ssh_address import SshAddress, parse_ssh_address
from edgepack.ground.errors import DeviceError
from edgepack.standins.adb_standin import open_standin
from edgepack.standins.standin import Lease, reason_of

if TYPE_CHECKING:
    from edgepack.project import Target


@contextmanager
def open_device(target: Target, address: str | None = None) -> Iterator[Device]:
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
    device = _open(target, address or target.device.address)
    try:
        _recognise(device, target)
        yield device
    finally:
        device.close()


def _open(target: Target, address: str | None) -> LocalDevice | SshDevice | AdbDevice:
    kind = target.device.kind
    if kind == "local":
        return LocalDevice()
    if kind == "adb":
        return _open_android(target.name, address)
    if kind != "ssh":
        raise DeviceError(
            "EP-523",
            f"target {target.name}: edgepack cannot deploy to a device of kind {kind}",
            "use a target of kind local, ssh, adb or mcu",
        )
    if address is not None and address.partition(":")[0] != "standin":
        return SshDevice(parse_ssh_address(address))
    name = (address or "").partition(":")[2] or target.name
    lease = Lease(name)
    try:
        return SshDevice(
            SshAddress(lease.standin.alias),
            config=lease.standin.config,
            name=f"{name} (stand-in)",
            stand_in=True,
            stand_in_reason=reason_of(lease.standin),
            on_close=lease.release,
        )
    except BaseException:
        lease.release()
        raise


def _open_android(name: str, address: str | None) -> AdbDevice:
    """The device named, the only one attached, or where none is a stand-in."""
    if address is not None and address.partition(":")[0] == "standin":
        return open_standin(address.partition(":")[2] or name)
    try:
        return AdbDevice(address)
    except DeviceError as error:
        if address is not None or error.code != "EP-540":
            raise
    return open_standin(name)


def _recognise(device: LocalDevice | SshDevice | AdbDevice, target: Target) -> None:
    """Mark an emulator, and a device whose model name is not the target's hardware, as a stand-in for it."""
    if device.kind == "adb" and device.facts().emulator:
        device.mark_stand_in(f"an emulated device ({device.facts().emulator})")
    wanted = target.device.hardware
    if wanted is None or device.stand_in:
        return
    model = device.facts().model
    if wanted.lower() not in model.lower():
        device.mark_stand_in(f"it calls itself {model or 'nothing'}, the target's hardware is {wanted}")
