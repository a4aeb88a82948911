"""A loopback Android device that tests can break: real adb clients talk to it, over TCP.

Its commands run in this machine's own shell (HostUserland), or as real aarch64 programs (android_root.Aarch64Userland).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from edgepack.standins.adbd import Adbd, PublicKey, Userland
from edgepack.standins.adbd.message import WRTE, Message

T = TypeVar("T")


def own_key() -> PublicKey:
    """The key that adb's server has (private_adb): its owner has agreed to this computer."""
    return PublicKey.parse((Path.home() / ".android/adbkey.pub").read_text())


@dataclass
class Faults:
    """What goes wrong, from when it is set; counts start at 0 again with `AdbStandin.fail`."""

    drop_at_message: int | None = None
    drop_after_bytes: int | None = None
    stall_after_bytes: int | None = None
    corrupt_at_byte: int | None = None
    hang_at: int | None = None  # a kind of message, e.g. CNXN


class _BreakableAdbd(Adbd):
    faults = Faults()
    messages = 0
    bytes = 0

    async def pass_message(self, message: Message, arriving: bool) -> Message | None:
        faults = self.faults
        while arriving and message.command == self.faults.hang_at:
            await asyncio.sleep(0.02)
        start, self.bytes, self.messages = self.bytes, self.bytes + 24 + len(message.data), self.messages + 1
        if faults.drop_at_message is not None and self.messages > faults.drop_at_message:
            return None
        if faults.drop_after_bytes is not None and self.bytes > faults.drop_after_bytes:
            if arriving and message.command == WRTE:  # what came before the cut was still received
                self.faults = Faults(drop_at_message=0)
                return replace(message, data=message.data[: max(0, faults.drop_after_bytes - start - 24)])
            return None
        if faults.stall_after_bytes is not None and self.bytes > faults.stall_after_bytes:
            await asyncio.Event().wait()
        if faults.corrupt_at_byte is not None and self.bytes > faults.corrupt_at_byte and arriving and len(message.data) > 4096:
            self.faults = Faults()
            middle = len(message.data) // 2
            return replace(message, data=message.data[:middle] + bytes([message.data[middle] ^ 1]) + message.data[middle + 1 :])
        return message


async def _settle() -> None:
    """Cancel and collect whatever is left in the loop."""
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0.05)  # pipes are closed by callbacks


class AdbStandin:
    """The device, served by a thread; `serial` is where adb finds it."""

    def __init__(self, userland: Userland) -> None:
        self.userland = userland
        self._owner = own_key()
        self._device = _BreakableAdbd(userland, self._owner, "loopback", "Test_phone")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = self._call(self._device.start())

    @property
    def serial(self) -> str:
        return f"127.0.0.1:{self.port}"

    def fail(self, **faults: Any) -> None:
        """Let things go wrong from now on; without arguments nothing does."""

        async def change() -> None:
            self._device.faults = Faults(**faults)
            self._device.messages = self._device.bytes = 0

        self._call(change())

    @property
    def traffic(self) -> tuple[int, int]:
        """Messages and bytes since the last `fail`."""
        return self._device.messages, self._device.bytes

    def configure(self, *, shell_v2: bool = True, authorised: bool = True) -> None:
        self._device.shell_v2, self._device.owner = shell_v2, self._owner if authorised else None

    def drop(self) -> None:
        """Every connection breaks; new ones are served."""
        self._call(self._device.drop())

    def vanish(self) -> None:
        """Every connection breaks and none is taken any more."""
        self._call(self._device.stop())

    def reappear(self) -> None:
        self._call(self._device.start(self.port))

    def stop(self) -> None:
        self.vanish()
        self._call(_settle())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)
