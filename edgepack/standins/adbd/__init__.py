"""The device's side of the adb protocol, for stand-ins: real adb clients connect to it and find a device."""

from __future__ import annotations

from edgepack.standins.adbd.key import PublicKey
from edgepack.standins.adbd.server import Adbd
from edgepack.standins.adbd.userland import HostUserland, Userland

__all__ = ["Adbd", "HostUserland", "PublicKey", "Userland"]
