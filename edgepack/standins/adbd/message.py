"""Messages of the adb transport (AOSP packages/modules/adb, protocol.txt): 24 bytes of header, then the payload."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass

CNXN = 0x4E584E43
AUTH = 0x48545541
OPEN = 0x4E45504F
OKAY = 0x59414B4F
WRTE = 0x45545257
CLSE = 0x45534C43

VERSION = 0x01000001  # the version from which on payloads carry no checksum
MAX_PAYLOAD = 256 * 1024

AUTH_TOKEN, AUTH_SIGNATURE, AUTH_PUBLIC_KEY = 1, 2, 3

_HEADER = struct.Struct("<6I")


@dataclass(frozen=True)
class Message:
    """One message; what `first` and `second` mean depends on the command."""

    command: int
    first: int = 0
    second: int = 0
    data: bytes = b""

    def pack(self) -> bytes:
        """The message as it is sent. The checksum is the sum of the payload's bytes, for peers of version 0x01000000."""
        checksum = sum(self.data) & 0xFFFFFFFF if self.command == CNXN else 0
        header = _HEADER.pack(self.command, self.first, self.second, len(self.data), checksum, self.command ^ 0xFFFFFFFF)
        return header + self.data


async def read_message(reader: asyncio.StreamReader, most: int = MAX_PAYLOAD) -> Message:
    """The next message, with a payload of at most `most` bytes.

    Raises:
        ConnectionError: what arrives is no message or too long, or the connection ended.
    """
    try:
        command, first, second, length, _, magic = _HEADER.unpack(await reader.readexactly(_HEADER.size))
        if magic != command ^ 0xFFFFFFFF or length > most:
            raise ConnectionError("not a message of the adb protocol")
        return Message(command, first, second, await reader.readexactly(length))
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("the connection ended") from error
