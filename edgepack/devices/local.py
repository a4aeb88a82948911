"""This machine as a device: the same scripts and files as on any other, with nothing in between."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from typing import BinaryIO

from edgepack.devices.process import Finished, run_process
from edgepack.devices.shell import ShellDevice, wrap
from edgepack.errors import DeviceError


class LocalDevice(ShellDevice):
    """Programs run as children of this process, in their own process group."""

    def __init__(self) -> None:
        super().__init__(name=f"this machine ({platform.node() or 'localhost'})", address="local")

    @property
    def kind(self) -> str:
        """local."""
        return "local"

    def _execute(
        self,
        argv: Sequence[str],
        nonce: str,
        timeout: float,
        stdin: BinaryIO | None,
        stall: float | None,
        on_sent: Callable[[int], None] | None,
    ) -> Finished:
        command = wrap(argv, nonce, timeout)
        return run_process(command, timeout=timeout, stdin=stdin, stall=stall, on_sent=on_sent, kill_group=True)

    def _link_failure(self, finished: Finished) -> DeviceError:
        return DeviceError("EP-509", f"{self.name}: a command was stopped before its end", "run again")

    def close(self) -> None:
        """Nothing to give back."""
