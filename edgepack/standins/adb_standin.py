"""The stand-in for an Android phone: this machine behind a loopback adb endpoint, for as long as it is used.

It proves every step of a deployment through the real adb; its speed, memory and processor are not a phone's. Only the run that
started it gets in: by a key made for it, through an adb server of its own (adb_server.py).
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from edgepack.devices.adb import AdbDevice
from edgepack.devices.adb_client import find_adb
from edgepack.ground.errors import DeviceError
from edgepack.standins.adb_server import PrivateServer
from edgepack.standins.adbd import Adbd, HostUserland, PublicKey
from edgepack.standins.standin import state_folder

T = TypeVar("T")

_LOG_MOST = 1 << 20  # bytes; then it begins anew

REASON = "a loopback adb endpoint on this machine stands in for the phone"


def open_standin(name: str) -> AdbDevice:
    """Start a stand-in and connect to it; it ends when the device is closed, what it was given stays for the next time.

    Raises:
        ToolError: EP-686 when there is no adb, EP-689 when it makes no key.
        DeviceError: EP-520, EP-521 or EP-546 when the stand-in or its adb server cannot be started.
    """
    server = PrivateServer(find_adb())
    try:
        endpoint = _start(name, server.key)
    except BaseException:
        server.stop()
        raise

    def close() -> None:
        server.stop()
        endpoint.stop()

    try:
        device = AdbDevice(
            f"127.0.0.1:{endpoint.port}",
            name=f"{name} (stand-in)", folder=str(endpoint.userland.home), on_close=close, adb=server.adb,
        )  # fmt: skip
    except BaseException:
        close()
        raise
    device.mark_stand_in(REASON)
    device.umask = "077"
    return device


def _start(name: str, owner: PublicKey) -> _Endpoint:
    try:
        return _Endpoint(state_folder() / name, owner)
    except OSError as error:
        raise DeviceError(
            "EP-521", f"the stand-in {name} does not start: {error}", "make its folder writable, or set XDG_STATE_HOME"
        ) from error


class _Endpoint:
    """The device's end, served by a thread; adbd.log in its folder has whom it refused."""

    def __init__(self, folder: Path, owner: PublicKey) -> None:
        self.userland = HostUserland(folder)
        log = folder / "adbd.log"
        self._device = Adbd(self.userland, owner, on_refused=lambda text: _note(log, text))
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


def _note(log: Path, text: str) -> None:
    with suppress(OSError):  # a full disk lets nobody in either
        full = log.exists() and log.stat().st_size > _LOG_MOST
        with open(log, "w" if full else "a", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
