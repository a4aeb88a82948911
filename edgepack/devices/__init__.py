"""Things that hold files and run programs: this machine, machines reached by ssh, microcontrollers."""

from __future__ import annotations

from edgepack.devices.device import Completed, Device, DeviceFacts
from edgepack.devices.open import open_device

__all__ = ["Completed", "Device", "DeviceFacts", "open_device"]
