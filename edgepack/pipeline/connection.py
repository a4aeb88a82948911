"""The one device of a run, reached before what takes long and used after it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING

from edgepack.ground.progress import Progress

if TYPE_CHECKING:
    from edgepack.devices import Device
    from edgepack.pipeline.destination import Destination

FRESH_SECONDS = 45.0
"""How long what a device said when it was reached still holds: less than ssh keeps an idle connection (60 s)."""


class Connection:
    """Held from the first look at a device to the end of the run, and made anew after a long build.

    A build from the cache, or of a ready .tflite, takes seconds: the device that was reached is then the one that is deployed to,
    with no second handshake and no second asking for its facts. A training takes an hour, in which ssh gives an idle connection
    up, a board may restart, and temperature, load and clock, which the report shows and locks are held against, become
    history: then the device is opened anew, as if for the first time.

    Args:
        destination: Which device; it is not opened before `reach`.
    """

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._stack = ExitStack()
        self._device: Device | None = None
        self._since = 0.0

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def reach(self, progress: Progress) -> None:
        """Fail now rather than after the training when the device does not answer.

        Raises:
            DeviceError, ToolError: as `edgepack.kinds.open_device` says.
        """
        with progress.stage("Reaching the device", self._destination.target.name) as task:
            device = self._open()
            facts = device.facts()
            self._since = time.monotonic()
            task.finish(f"{device.name}: {facts.model or facts.machine}" + (", a stand-in" if device.stand_in else ""))

    def device(self) -> Device:
        """The device as it is now.

        Raises:
            DeviceError, ToolError: as `reach` says.
        """
        if self._device is None or time.monotonic() - self._since > FRESH_SECONDS:
            return self._open()
        return self._device

    def _open(self) -> Device:
        self._stack.close()
        self._device = None
        self._device = self._stack.enter_context(self._destination.open())
        self._since = time.monotonic()
        return self._device
