"""A loopback server that adb takes for a device."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

from edgepack.standins.adbd.key import TOKEN_BYTES, PublicKey
from edgepack.standins.adbd.message import (
    AUTH,
    AUTH_SIGNATURE,
    AUTH_TOKEN,
    CLSE,
    CNXN,
    MAX_PAYLOAD,
    OKAY,
    OPEN,
    VERSION,
    WRTE,
    Message,
    read_message,
)
from edgepack.standins.adbd.peer import user_at
from edgepack.standins.adbd.shell import run_plain, run_v2
from edgepack.standins.adbd.stream import Stream
from edgepack.standins.adbd.sync import serve_sync
from edgepack.standins.adbd.userland import Userland

_STRANGERS_BYTES = 4096  # of a payload: a banner, a signature of 256 or a public key of some 720
_STRANGERS_TRIES = 16  # signatures: a client tries every key it has
_STRANGERS_SECONDS = 30.0


class Adbd:
    """The device. `product` and `model` are what `adb devices -l` shows; `shell_v2` false makes it one from before Android 7.

    It listens on the loopback address, where every user of the machine can connect, and serves the owner of `owner` alone; with
    None it asks for a key and accepts none, as a phone does until its user has agreed. `on_refused` is told of everybody else.
    """

    def __init__(
        self,
        userland: Userland,
        owner: PublicKey | None,
        product: str = "edgepack",
        model: str = "edgepack_stand_in",
        on_refused: Callable[[str], None] | None = None,
    ) -> None:
        self.userland = userland
        self.owner = owner
        self.shell_v2 = True
        self.on_refused = on_refused
        self._identity = f"ro.product.name={product};ro.product.model={model};ro.product.device={product};"
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    async def start(self, port: int = 0) -> int:
        """Listen on the loopback address; the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.drop()

    async def drop(self) -> None:
        """Drop every connection; commands are hung up."""
        for connection in list(self._connections):
            await connection.end()

    def banner(self) -> bytes:
        """What the device says of itself when it is connected."""
        features = "features=shell_v2,cmd,stat_v2" if self.shell_v2 else "features=cmd,stat_v2"
        return f"device::{self._identity}{features}".encode()

    async def pass_message(self, message: Message, arriving: bool) -> Message | None:
        """Called for each message; None drops the connection. A place for tests to break things."""
        return message

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self, reader, writer)
        self._connections.add(connection)
        try:
            # asyncio's own callback after this one takes a cancelled task for a failure and prints it.
            with suppress(asyncio.CancelledError):
                await connection.serve()
        finally:
            self._connections.discard(connection)


class _Connection:
    """One client."""

    def __init__(self, device: Adbd, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._device = device
        self._reader = reader
        self._writer = writer
        self._streams: dict[int, Stream] = {}
        self._services: set[asyncio.Task[None]] = set()
        self._count = 0
        self._sending = asyncio.Lock()
        self._authorised = False
        self._token = b""
        self._tries = 0
        self._refused = False

    async def serve(self) -> None:
        """Handle messages until the connection ends."""
        deadline = asyncio.get_running_loop().call_later(_STRANGERS_SECONDS, self._late)
        try:
            while True:
                read = await read_message(self._reader, MAX_PAYLOAD if self._authorised else _STRANGERS_BYTES)
                message = await self._device.pass_message(read, True)
                if message is None:
                    break
                await (self._handle(message) if self._authorised else self._admit(message))
        except (ConnectionError, OSError):
            pass
        finally:
            deadline.cancel()
            await self.end()

    def _late(self) -> None:
        if not self._authorised:
            self._writer.close()

    async def end(self) -> None:
        """Close the connection and everything that ran for it."""
        for stream in self._streams.values():
            stream.hang_up()
        self._streams.clear()
        self._writer.close()
        for task in list(self._services):
            task.cancel()
        for task in list(self._services):
            with suppress(asyncio.CancelledError, Exception):
                await task

    async def _send(self, message: Message) -> None:
        passed = await self._device.pass_message(message, False)
        if passed is None:
            self._writer.close()
            raise ConnectionError("dropped")
        async with self._sending:
            self._writer.write(passed.pack())
            await self._writer.drain()

    async def _handle(self, message: Message) -> None:
        stream = self._streams.get(message.second)
        if message.command == OPEN:
            self._open(message)
        elif message.command == OKAY and stream is not None:
            stream.acknowledge()
        elif message.command == WRTE and stream is not None:
            stream.arrive(message.data)
        elif message.command == CLSE and stream is not None:
            del self._streams[message.second]
            if not stream.closed:
                await self._send(Message(CLSE, stream.number, stream.peer))
            stream.hang_up()

    async def _admit(self, message: Message) -> None:
        """Ask for a signature until the owner's comes. A key that is offered gets no answer: nobody is there to agree to it.

        Raises:
            ConnectionError: something else is asked for, or too many signatures are wrong.
        """
        if message.command == AUTH and message.first == AUTH_SIGNATURE:
            owner, token, self._token = self._device.owner, self._token, b""
            if owner is not None and token and owner.signed(token, message.data):
                self._authorised = True
                await self._send(Message(CNXN, VERSION, MAX_PAYLOAD, self._device.banner()))
                return
            self._tries += 1
            self._refuse("with another key")
            if self._tries >= _STRANGERS_TRIES:
                raise ConnectionError("too many wrong signatures")
        elif message.command == AUTH:
            self._refuse("with another key")
            return
        elif message.command != CNXN:
            self._refuse("without a key")
            raise ConnectionError("a service is asked for without a key")
        self._token = os.urandom(TOKEN_BYTES)
        await self._send(Message(AUTH, AUTH_TOKEN, 0, self._token))

    def _refuse(self, how: str) -> None:
        """Tell of it, once a connection."""
        if not self._refused and self._device.on_refused is not None:
            port = self._writer.get_extra_info("peername", ("", 0))[1]
            self._device.on_refused(f"refused {user_at(port)}, who came {how}")
        self._refused = True

    def _open(self, message: Message) -> None:
        self._count += 1
        stream = Stream(self._count, message.first, self._send)
        self._streams[self._count] = stream
        task = asyncio.create_task(self._run(stream, message.data.rstrip(b"\0").decode("utf-8", "surrogateescape")))
        self._services.add(task)
        task.add_done_callback(self._services.discard)

    async def _run(self, stream: Stream, service: str) -> None:
        kind, _, rest = service.partition(":")
        known = kind in ("shell", "exec", "sync") or (kind.startswith("shell,v2") and self._device.shell_v2)
        with suppress(ConnectionError, OSError):
            if not known or (kind == "shell" and not rest):
                await self._send(Message(CLSE, 0, stream.peer))
                self._streams.pop(stream.number, None)
                return
            await self._send(Message(OKAY, stream.number, stream.peer))
            if kind == "sync":
                await serve_sync(stream, self._device.userland)
            elif kind.startswith("shell,"):
                await run_v2(stream, self._device.userland, rest)
            else:
                await run_plain(stream, self._device.userland, rest)
