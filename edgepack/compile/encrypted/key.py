"""The key of encrypted constants: a file of 16 bytes, or of 32 hexadecimal digits."""

from __future__ import annotations

import re
from pathlib import Path

from edgepack.ground.errors import ProjectError

KEY_BYTES = 16  # AES-128
MOST = 256  # bytes of a file that could be a key, with spaces and line ends
HINT = "a key file holds 16 bytes, or 32 hexadecimal digits: (umask 077; openssl rand -hex 16 > model.key)"


def read_key(file: Path) -> bytes:
    """The 16 bytes of a key file.

    Raises:
        ProjectError: EP-715 when it cannot be read or holds something else.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST + 1)
    except OSError as error:
        raise ProjectError("EP-715", f"{file} cannot be read: {error.strerror}", HINT) from error
    digits = b"".join(content.split())
    if re.fullmatch(rb"[0-9A-Fa-f]+", digits) and len(content) <= MOST:  # 16 digits are half a key, not 16 bytes
        if len(digits) == 2 * KEY_BYTES:
            return bytes.fromhex(digits.decode("ascii"))
    elif len(content) == KEY_BYTES:
        return content
    size = f"more than {MOST}" if len(content) > MOST else str(len(content))
    raise ProjectError("EP-715", f"{file} holds no key of AES-128: {size} bytes", HINT)
