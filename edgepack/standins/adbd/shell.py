"""The services that run commands: shell: and exec: pass bytes through, shell,v2: (SHELL_PROTOCOL) keeps streams and status."""

from __future__ import annotations

import asyncio
import os
import signal
import struct
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from edgepack.standins.adbd.stream import Stream
from edgepack.standins.adbd.userland import Userland

_STDIN, _STDOUT, _STDERR, _EXIT, _CLOSE_STDIN = 0, 1, 2, 3, 4
_BLOCK = 1 << 16


async def run_plain(stream: Stream, userland: Userland, line: str) -> None:
    """shell:LINE and exec:LINE: both outputs mixed, no exit status, and input that never ends."""
    process = await _start(userland, line, asyncio.subprocess.STDOUT)

    async def feed() -> None:
        while block := await stream.read():
            if not await _give(process, block):
                return

    await _serve(stream, process, feed, [_pump(process.stdout, stream.write)])
    await stream.close()


async def run_v2(stream: Stream, userland: Userland, line: str) -> None:
    """shell,v2: packets of a number (u8), a length (u32) and bytes for each of the three streams and the exit status."""
    process = await _start(userland, line, asyncio.subprocess.PIPE)
    sending = asyncio.Lock()

    async def send(number: int, data: bytes) -> None:
        async with sending:
            await stream.write(struct.pack("<BI", number, len(data)) + data)

    async def feed() -> None:
        while True:
            number, length = struct.unpack("<BI", await stream.read_exactly(5))
            data = await stream.read_exactly(length)
            if number == _STDIN:
                await _give(process, data)
            elif number == _CLOSE_STDIN and process.stdin is not None:
                process.stdin.close()

    async def stdout(data: bytes) -> None:
        await send(_STDOUT, data)

    async def stderr(data: bytes) -> None:
        await send(_STDERR, data)

    await _serve(stream, process, feed, [_pump(process.stdout, stdout), _pump(process.stderr, stderr)])
    status = process.returncode or 0
    await send(_EXIT, bytes([status if status >= 0 else 128 - status]))
    await stream.close()


async def _start(userland: Userland, line: str, stderr: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *userland.command(line),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
        env=userland.environment(),
        umask=0o077,
        start_new_session=True,
    )


async def _serve(
    stream: Stream,
    process: asyncio.subprocess.Process,
    feed: Callable[[], Coroutine[Any, Any, None]],
    pumps: list[Coroutine[Any, Any, None]],
) -> None:
    """Feed and pump until the command ends; a command whose client is gone is hung up, as adbd does."""
    feeder = asyncio.create_task(_fed(stream, process, feed))
    try:
        await asyncio.gather(*pumps)
        await process.wait()
    finally:
        feeder.cancel()
        with suppress(asyncio.CancelledError, OSError):
            await feeder
        if process.stdin is not None:
            process.stdin.close()
        if process.returncode is None:
            await _end(process)
        # Pipes that somebody else still holds open would otherwise live as long as the loop.
        process._transport.close()  # type: ignore[attr-defined]


async def _fed(stream: Stream, process: asyncio.subprocess.Process, feed: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with suppress(EOFError, OSError):  # the client is gone, or so is the connection on which a block would be acknowledged
        await feed()
    if stream.closed:
        if process.stdin is not None:
            process.stdin.close()
        _hang_up(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Hang up, and kill what does not mind; adbd's init would collect it."""
    _hang_up(process)
    try:
        await asyncio.wait_for(process.wait(), 2.0)
    except (asyncio.TimeoutError, asyncio.CancelledError):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _hang_up(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGHUP)


async def _give(process: asyncio.subprocess.Process, data: bytes) -> bool:
    """Pass input on; false when the command does not read any more."""
    assert process.stdin is not None
    try:
        process.stdin.write(data)
        await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError, RuntimeError):
        return False
    return True


async def _pump(source: asyncio.StreamReader | None, write: Callable[[bytes], Coroutine[Any, Any, None]]) -> None:
    assert source is not None
    while block := await source.read(_BLOCK):
        await write(block)
