"""Android devices, by adb; where none is attached and none was asked for, a stand-in: this machine behind a loopback adbd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edgepack.ground.errors import ToolError
from edgepack.kinds.kind import NETWORK_KEYS, PROCESS_BUDGETS, RELEASE_KEYS, DeviceKind, DeviceTarget
from edgepack.kinds.recognise import recognised

if TYPE_CHECKING:
    from edgepack.devices import Device
    from edgepack.devices.adb import AdbDevice


@contextmanager
def _open(target: DeviceTarget, address: str | None) -> Iterator[Device]:
    """The device, marked as a stand-in when it is an emulator."""
    device = _find(target.name, address)
    try:
        if device.facts().emulator:
            device.mark_stand_in(f"an emulated device ({device.facts().emulator})")
    except BaseException:
        device.close()
        raise
    with recognised(device, target) as found:
        yield found


def _find(name: str, address: str | None) -> AdbDevice:
    """The device named, the only one attached, or where none is a stand-in."""
    from edgepack.devices.adb import AdbDevice
    from edgepack.devices.adb_client import NothingAttached
    from edgepack.standins.adb_standin import open_standin

    if address is not None and address.partition(":")[0] == "standin":
        return open_standin(address.partition(":")[2] or name)
    try:
        return AdbDevice(address)
    except NothingAttached:
        if address is not None:
            raise
    return open_standin(name)


def _lacks(target: DeviceTarget, environ: Mapping[str, str]) -> tuple[str, ...]:
    from edgepack.devices.adb_client import find_adb

    try:
        find_adb()
    except ToolError:
        return ("adb",)
    return ()


def _root(device: Device) -> str:
    from edgepack.devices.adb import AdbDevice

    assert isinstance(device, AdbDevice)
    return f"{device.folder}/edgepack"


ADB = DeviceKind(
    name="adb",
    title="Android",
    holds="release",
    open=_open,
    keys=RELEASE_KEYS | NETWORK_KEYS,
    instead_of_budgets=PROCESS_BUDGETS,
    variable="EDGEPACK_ANDROID",
    root=_root,
    lacks=_lacks,
    instead_of_standin="starts its own: deploy to it as it is",
    script="adb.sh",
    script_machine="arm64-v8a",
)
