"""One stream of an adb connection: bytes both ways, each block sent acknowledged before the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from edgepack.standins.adbd.message import CLSE, MAX_PAYLOAD, OKAY, WRTE, Message

Send = Callable[[Message], Awaitable[None]]


class Stream:
    """The device's end of a stream. `number` names it here, `peer` over there.

    What arrives is acknowledged when it was read, so that a service that stops reading stops the sender.
    """

    def __init__(self, number: int, peer: int, send: Send) -> None:
        self.number = number
        self.peer = peer
        self._send = send
        self._arrived: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._acknowledged = asyncio.Event()
        self._rest = b""
        self.closed = False

    def arrive(self, data: bytes) -> None:
        """A block came in."""
        self._arrived.put_nowait(data)

    def acknowledge(self) -> None:
        """The block sent last was taken."""
        self._acknowledged.set()

    def hang_up(self) -> None:
        """The peer closed the stream, or the connection ended."""
        self.closed = True
        self._arrived.put_nowait(None)
        self._acknowledged.set()

    async def read(self) -> bytes:
        """The next block; b"" at the end."""
        if self._rest:
            rest, self._rest = self._rest, b""
            return rest
        data = await self._arrived.get()
        if data is None:
            self._arrived.put_nowait(None)
            return b""
        if not self.closed:
            await self._send(Message(OKAY, self.number, self.peer))
        return data

    async def read_exactly(self, count: int) -> bytes:
        """`count` bytes.

        Raises:
            EOFError: the stream ended before.
        """
        parts = bytearray()
        while len(parts) < count:
            block = await self.read()
            if not block:
                raise EOFError
            parts += block
        self._rest = bytes(parts[count:])
        return bytes(parts[:count])

    async def write(self, data: bytes) -> None:
        """Send bytes; nothing is sent on a stream that was closed."""
        for first in range(0, len(data), MAX_PAYLOAD):
            if self.closed:
                return
            self._acknowledged.clear()
            await self._send(Message(WRTE, self.number, self.peer, data[first : first + MAX_PAYLOAD]))
            await self._acknowledged.wait()

    async def close(self) -> None:
        """Close this end."""
        if not self.closed:
            self.closed = True
            await self._send(Message(CLSE, self.number, self.peer))
