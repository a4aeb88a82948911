"""This machine as a device: the same scripts and files as on any other, with nothing in between."""

from __future__ import annotations

import platform

from edgepack.devices.shell import Command, ShellDevice
from edgepack.ground.errors import DeviceError
from edgepack.workers.process import Finished


class LocalDevice(ShellDevice):
    """Programs run as children of this process, in their own process group."""

    def __init__(self) -> None:
        super().__init__(name=f"this machine ({platform.node() or 'localhost'})", address="local")

    @property
    def kind(self) -> str:
        """local."""
        return "local"

    def unpacker(self) -> None:
        """Nothing: a copy on this machine is made faster than a small form."""
        return

    def _execute(self, command: Command) -> Finished:
        return command.through(command.words, kill_group=True)

    def _link_failure(self, finished: Finished) -> DeviceError:
        return DeviceError("EP-509", f"{self.name}: a command was stopped before its end", "run again")

    def close(self) -> None:
        """Nothing to give back."""
