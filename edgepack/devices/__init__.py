"""Ways to reach what holds files and runs programs: as this machine's own processes, by ssh, by adb."""

from __future__ import annotations

from edgepack.devices.device import Completed, Device, DeviceFacts

__all__ = ["Completed", "Device", "DeviceFacts"]
