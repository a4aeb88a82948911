"""The stand-in for an Android phone: this machine behind a loopback adb endpoint, for as long as it is used.

It proves every step of a deployment through the real adb; its speed, memory and processor are not a phone's.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from edgepack.devices.adb import AdbDevice
from edgepack.devices.adb_client import find_adb, run_adb
from edgepack.ground.errors import DeviceError
from edgepack.standins.adbd import Adbd, HostUserland
from edgepack.standins.standin import state_folder

T = TypeVar("T")

REASON = "a loopback adb endpoint on this machine stands in for the phone"


def open_standin(name: str) -> AdbDevice:
    """Start a stand-in and connect to it; it ends when the device is closed, what it was given stays for the next time.

    Raises:
        ToolError: EP-686 when there is no adb; DeviceError: EP-521 when it cannot be started.
    """
    program = find_adb()
    try:
        server = _Server(state_folder() / name)
    except OSError as error:
        raise DeviceError(
            "EP-521", f"the stand-in {name} does not start: {error}", "make its folder writable, or set XDG_STATE_HOME"
        ) from error
    serial = f"127.0.0.1:{server.port}"

    def close() -> None:
        run_adb(program, "disconnect", serial)
        server.stop()

    try:
        device = AdbDevice(serial, name=f"{name} (stand-in)", folder=str(server.userland.home), on_close=close)
    except BaseException:
        server.stop()
        raise
    device.mark_stand_in(REASON)
    return device


class _Server:
    """The endpoint, served by a thread."""

    def __init__(self, folder: Path) -> None:
        self.userland = HostUserland(folder)
        self._device = Adbd(self.userland)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = self._call(self._device.start())

    def stop(self) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        if not self._thread.is_alive():
            self._loop.close()

    async def _end(self) -> None:
        await self._device.stop()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)
