"""Room on the device, asked before anything is sent."""

from __future__ import annotations

from edgepack.devices import Device
from edgepack.ground.errors import DeviceError
from edgepack.ground.foreign import whole_number
from edgepack.remote.script import run_script

_MARGIN = 1 << 20  # bytes for folders, records and the blocks that small files round up to


def check_space(device: Device, folder: str, needed: int) -> None:
    """Check that `needed` bytes fit below an existing folder; a device that does not say how much is free is trusted.

    Raises:
        DeviceError: EP-510 with both figures.
    """
    insist_on_space(device, folder, needed, free_space(device, folder))


def insist_on_space(device: Device, folder: str, needed: int, free: int | None) -> None:
    """The same with a known number of free bytes, None when the device did not say."""
    if free is not None and free < needed + _MARGIN:
        raise DeviceError(
            "EP-510",
            f"{device.name}: the disk is full: {_mb(needed + _MARGIN)} are needed below {folder}, {_mb(free)} are free",
            "free some space on the device, or set [device] root to a larger disk",
        )


def free_space(device: Device, folder: str) -> int | None:
    """Bytes free for files below `folder`; None when the device does not say."""
    said = run_script(device, 'df -Pk -- "$1" | tail -n 1', [folder]).text.split()
    free = whole_number(said[3]) if len(said) >= 4 else None
    return None if free is None else free * 1024


def _mb(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
