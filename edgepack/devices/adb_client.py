"""The adb program: where it is, and which devices it sees.

Its exit status says little (adb 29 exits 0 when a device vanishes, and `connect` does so when refused), so the text decides.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgepack.ground.errors import DeviceError, ToolError
from edgepack.workers.process import Finished, run_process

READY = "device"
"""The state of a device that takes commands."""

_ANSWER = 20.0  # seconds for what adb answers by itself; starting its server takes up to three


class NothingAttached(DeviceError):
    """EP-540: adb lists no device."""


class NotAttached(DeviceError):
    """EP-541: adb does not list the device that was asked for."""


class NotReady(DeviceError):
    """EP-543: a device is listed and takes no commands."""


@dataclass(frozen=True)
class Attached:
    """A device that adb lists: its serial number or host:port, its state as adb says it, and its model, "" when unknown."""

    serial: str
    state: str
    model: str = ""

    def __str__(self) -> str:
        return f"{self.serial} ({self.model + ', ' if self.model else ''}{self.state})"


@dataclass(frozen=True)
class Adb:
    """The adb program, and the environment that says which server it talks to and whose key that has; None is this process's."""

    program: str
    environment: Mapping[str, str] | None = None


def find_adb() -> str:
    """The adb program: $EDGEPACK_ADB, on PATH, of an Android SDK, or the one that the adbutils package brings.

    Raises:
        ToolError: EP-686 when there is none.
    """
    asked = os.environ.get("EDGEPACK_ADB")
    if asked:
        found = shutil.which(asked)
        if found is None:
            raise ToolError("EP-686", f"EDGEPACK_ADB={asked} is not a program", "give the path of adb, or unset it")
        return found
    found = shutil.which("adb")
    if found is not None:
        return found
    for variable in ("ANDROID_HOME", "ANDROID_SDK_ROOT"):
        tool = Path(os.environ.get(variable) or "/nonexistent") / "platform-tools" / "adb"
        if os.access(tool, os.X_OK):
            return str(tool)
    bundled = _bundled_adb()
    if bundled is not None:
        return bundled
    raise ToolError("EP-686", "adb is not installed", 'apt-get install adb, or pip install "edgepack[android]"')


def _bundled_adb() -> str | None:
    spec = importlib.util.find_spec("adbutils")
    for folder in () if spec is None else spec.submodule_search_locations or ():
        tool = Path(folder) / "binaries" / "adb"
        if os.access(tool, os.X_OK):
            return str(tool)
    return None


def run_adb(adb: Adb, *words: str, timeout: float = _ANSWER) -> Finished:
    """Run adb and wait.

    Raises:
        DeviceError: EP-546 when adb or its server does not answer.
    """
    finished = run_process([adb.program, *words], timeout=timeout, environment=adb.environment)
    said = finished.stderr.decode("utf-8", "replace")
    if finished.status is None or re.search(r"cannot connect to daemon|failed to (check|start) .*daemon|server version", said):
        raise server_failure(said)
    return finished


def server_failure(said: str) -> DeviceError:
    """What it means that adb's server does not answer."""
    words = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("*")]
    detail = f": {words[-1][:200]}" if words else ""
    return DeviceError("EP-546", f"adb's server does not answer{detail}", "try `adb kill-server`, then the same command again")


def list_attached(adb: Adb) -> tuple[Attached, ...]:
    """Every device that adb sees, ready or not."""
    said = run_adb(adb, "devices", "-l").stdout.decode("utf-8", "replace")
    return tuple(found for found in map(_parse, said.splitlines()) if found is not None)


def _parse(line: str) -> Attached | None:
    """A line such as `0A1B2C3D  device usb:1-4 product:oriole model:Pixel_6 device:oriole transport_id:1`.

    >>> _parse("emulator-5554\\toffline transport_id:2")
    Attached(serial='emulator-5554', state='offline', model='')
    >>> _parse("????????????  no permissions (user in plugdev group?); see [http://…] usb:1-4").state
    'no permissions'
    >>> _parse("List of devices attached"), _parse("* daemon started successfully")
    (None, None)
    """
    found = re.match(r"(\S+)\s+(no permissions|[a-z]+)\b(.*)", line)
    if found is None or line.startswith(("*", "List of devices")):
        return None
    model = re.search(r"\bmodel:(\S+)", found.group(3))
    return Attached(found.group(1), found.group(2), model.group(1).replace("_", " ") if model else "")


def is_network(serial: str) -> bool:
    """Whether a serial number is a host:port that must be connected to.

    >>> is_network("192.168.0.7:5555"), is_network("phone.local:5555"), is_network("0A1B2C3D")
    (True, True, False)
    """
    return re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\s]+):\d{1,5}", serial) is not None


def connect(adb: Adb, serial: str, timeout: float) -> None:
    """Connect to a device in the network, or find it connected; a connection that went dead is made anew.

    Raises:
        DeviceError: EP-544 when it cannot be reached, EP-542 when it does not accept this computer's key.
    """
    # "already connected" may be said of a connection that is about to vanish: then there is none, and none will come.
    gone = (None, "offline")
    end = time.monotonic() + timeout
    while True:
        state = _state(adb, serial)
        if state == READY:
            return
        if state is not None:
            run_adb(adb, "disconnect", serial)
        _connect(adb, serial, timeout)
        # The server makes broken connections anew by itself, too; where both meet, a device is offline for a moment.
        while (state := _state(adb, serial)) in (None, "offline", "connecting", "authorizing") and time.monotonic() < end:
            time.sleep(0.2)
            if state in gone:
                break
        if state not in gone or time.monotonic() >= end:
            return


def _state(adb: Adb, serial: str) -> str | None:
    return next((device.state for device in list_attached(adb) if device.serial == serial), None)


def _connect(adb: Adb, serial: str, timeout: float) -> None:
    try:
        finished = run_adb(adb, "connect", serial, timeout=timeout)
    except DeviceError as error:
        raise DeviceError("EP-544", f"{serial}: no answer to the connection within {timeout:g} s", _NETWORK) from error
    said = (finished.stdout + finished.stderr).decode("utf-8", "replace")
    if re.search(r"failed to authenticate|unauthorized", said):
        raise unauthorised(serial)
    if not re.search(r"connected to", said):
        reason = said.strip().splitlines()[-1] if said.strip() else "adb says nothing"
        raise DeviceError("EP-544", f"{serial} cannot be reached: {reason[:200]}", _NETWORK)


_NETWORK = "check that the device is on and in this network, and that wireless debugging is switched on; `adb connect` tries it"


def unauthorised(serial: str) -> DeviceError:
    """The device's user has not agreed to debugging from this computer."""
    return DeviceError(
        "EP-542",
        f"{serial} does not accept this computer's key",
        "unlock the device and agree to the question about USB debugging, then run the same command again",
    )


def not_ready(device: Attached) -> DeviceError:
    """Why a device that is attached takes no commands."""
    if device.state in ("unauthorized", "authorizing"):
        return unauthorised(device.serial)
    if device.state == "no permissions":
        return DeviceError(
            "EP-545",
            f"this user may not open the USB device of {device.serial}",
            "apt-get install android-sdk-platform-tools-common (its udev rules), then plug the device in again",
        )
    return NotReady(
        "EP-543",
        f"{device.serial} is {device.state}",
        f"plug it in again or wait until it has started; `adb -s {device.serial} wait-for-device` tells when",
    )


def choose_device(adb: Adb, serial: str | None) -> str:
    """The serial number of the device to use: the one asked for, or the only one that is ready.

    Raises:
        DeviceError: EP-540 nothing is attached, EP-541 not the one asked for, EP-542, EP-543 or EP-545 it is not ready,
            EP-547 there are several.
    """
    attached = list_attached(adb)
    listed = ", ".join(map(str, attached)) or "none"
    if serial is not None:
        device = next((one for one in attached if one.serial == serial), None)
        if device is None:
            raise NotAttached("EP-541", f"there is no Android device {serial}", f"attached: {listed}")
        if device.state != READY:
            raise not_ready(device)
        return serial
    ready = [one for one in attached if one.state == READY]
    if len(ready) == 1:
        return ready[0].serial
    if len(ready) > 1:
        raise DeviceError(
            "EP-547",
            f"several Android devices are attached: {', '.join(map(str, ready))}",
            f"choose one: --device {ready[0].serial}, or EDGEPACK_ANDROID={ready[0].serial}",
        )
    if len(attached) == 1:
        raise not_ready(attached[0])
    if attached:
        raise NotReady("EP-543", f"no Android device is ready: {listed}", "agree to debugging on one, or plug it in again")
    raise NothingAttached(
        "EP-540",
        "no Android device is attached",
        "switch on USB debugging in its developer options and plug it in, or give --device host:port; see docs/guides/android.md",
    )
