"""The sync: service, which adb push, pull and ls use (AOSP packages/modules/adb, SYNC.TXT and file_sync_protocol.h)."""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path

from edgepack.standins.adbd.stream import Stream
from edgepack.standins.adbd.userland import Userland

_DATA_MOST = 64 * 1024
_V2 = struct.Struct("<4sIQQIIIIQqqq")


async def serve_sync(stream: Stream, userland: Userland) -> None:
    """Answer requests until QUIT or the end."""
    try:
        while True:
            request, length = struct.unpack("<4sI", await stream.read_exactly(8))
            if request == b"QUIT":
                break
            name = (await stream.read_exactly(length)).decode("utf-8", "surrogateescape")
            await _answer(stream, request, name, userland)
    except EOFError:
        pass
    await stream.close()


async def _answer(stream: Stream, request: bytes, name: str, userland: Userland) -> None:
    if request == b"STAT":
        await stream.write(b"STAT" + _numbers(userland.path(name)))
    elif request in (b"STA2", b"LST2"):
        await stream.write(_stat_v2(request, userland.path(name)))
    elif request == b"LIST":
        await _list(stream, userland.path(name))
    elif request == b"RECV":
        await _give(stream, userland.path(name))
    elif request == b"SEND":
        await _take(stream, name, userland)
    else:
        await _fail(stream, f"unknown command {request!r}")


def _numbers(path: Path) -> bytes:
    """Mode, size and time of change, all 0 for a file that is not there."""
    try:
        found = path.lstat()
    except OSError:
        return struct.pack("<III", 0, 0, 0)
    return struct.pack("<III", found.st_mode, found.st_size & 0xFFFFFFFF, int(found.st_mtime) & 0xFFFFFFFF)


def _stat_v2(request: bytes, path: Path) -> bytes:
    try:
        found = path.stat() if request == b"STA2" else path.lstat()
    except OSError as error:
        return _V2.pack(request, error.errno or 5, *([0] * 10))
    return _V2.pack(
        request, 0, found.st_dev, found.st_ino, found.st_mode, found.st_nlink, found.st_uid, found.st_gid, found.st_size,
        int(found.st_atime), int(found.st_mtime), int(found.st_ctime),
    )  # fmt: skip


async def _list(stream: Stream, path: Path) -> None:
    try:
        names = sorted(os.listdir(path))
    except OSError:
        names = []
    for name in names:
        encoded = name.encode("utf-8", "surrogateescape")
        await stream.write(b"DENT" + _numbers(path / name) + struct.pack("<I", len(encoded)) + encoded)
    await stream.write(b"DONE" + bytes(16))


async def _give(stream: Stream, path: Path) -> None:
    try:
        with path.open("rb") as file:
            while block := file.read(_DATA_MOST):
                await stream.write(b"DATA" + struct.pack("<I", len(block)) + block)
    except OSError as error:
        await _fail(stream, f"open failed: {error.strerror}")
        return
    await stream.write(b"DONE" + struct.pack("<I", 0))


async def _take(stream: Stream, name: str, userland: Userland) -> None:
    """A file under its final name from the first byte on, as adbd does; what a broken connection leaves is truncated."""
    target, _, mode = name.rpartition(",")
    path = userland.path(target)
    wrong: OSError | None = None
    file = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        file = path.open("wb")
    except OSError as error:
        wrong = error
    try:
        while True:
            kind, length = struct.unpack("<4sI", await stream.read_exactly(8))
            if kind == b"DONE":
                break
            block = await stream.read_exactly(length)
            try:
                if file is not None and wrong is None:
                    file.write(block)
                    file.flush()
            except OSError as error:
                wrong = error
    finally:
        if file is not None:
            file.close()
    if wrong is not None:
        await _fail(stream, f"couldn't create file: {wrong.strerror}" if file is None else f"write failed: {wrong.strerror}")
        return
    path.chmod(stat.S_IMODE(int(mode)) & 0o775 or 0o644)
    os.utime(path, (length, length))
    await stream.write(b"OKAY" + struct.pack("<I", 0))


async def _fail(stream: Stream, message: str) -> None:
    encoded = message.encode()
    await stream.write(b"FAIL" + struct.pack("<I", len(encoded)) + encoded)
