"""Whether a device is the target's hardware."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgepack.devices import Device
    from edgepack.devices.shell import ShellDevice
    from edgepack.kinds.kind import DeviceTarget


@contextmanager
def recognised(device: ShellDevice, target: DeviceTarget) -> Iterator[Device]:
    """The device while the block runs, marked as a stand-in when its model name is not the target's hardware; then closed.

    Raises:
        DeviceError: what asking the device for its model says.
    """
    try:
        wanted = target.device.hardware
        if wanted is not None and not device.stand_in:
            model = device.facts().model
            if wanted.lower() not in model.lower():
                device.mark_stand_in(f"it calls itself {model or 'nothing'}, the target's hardware is {wanted}")
        yield device
    finally:
        device.close()
