"""minisign's secret key file: a comment, and one line of base64 that holds 158 bytes.

    2  "Ed"                          8  opslimit  } of the password's derivation, little-endian
    2  "Sc", or zeros: no password   8  memlimit  }
    2  "B2"                          8  the key's number
   32  salt                         64  the key: seed and public key
                                    32  BLAKE2b-256 of "Ed", number and key; zeros in a file without a password

The last 104 bytes are combined, by exclusive or, with as many that libsodium's crypto_pwhash_scryptsalsa208sha256 makes of the
password.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass

_LAYOUT = struct.Struct("<2s2s2s32sQQ104s")
_SIGNATURE, _SCRYPT, _NONE, _CHECK = b"Ed", b"Sc", b"\0\0", b"B2"
_OPSLIMIT, _MEMLIMIT = 1 << 25, 1 << 30  # minisign's own: libsodium's "sensitive", one GiB and some seconds
_MOST_MEMORY = (1 << 31) - 1  # bytes that hashlib may be allowed
COMMENT = b"untrusted comment: minisign encrypted secret key"


class DamagedKey(ValueError):
    """A key file that is none, or was changed."""


class WrongPassword(ValueError):
    """The password does not open the key."""


@dataclass(frozen=True)
class SecretFile:
    """A secret key file's content; `sealed` is number, key and checksum, encrypted where `encrypted` says so."""

    encrypted: bool
    salt: bytes
    opslimit: int
    memlimit: int
    sealed: bytes

    def open(self, password: bytes | None) -> tuple[bytes, bytes, bytes]:
        """The key's number, its seed and its public key.

        Raises:
            WrongPassword: an encrypted key, and not its password.
            DamagedKey: the file was changed.
        """
        content = self.sealed
        if self.encrypted:
            stream = _stream(password or b"", self.salt, self.opslimit, self.memlimit)
            content = _combined(content, stream)
        number, seed, public, check = content[:8], content[8:40], content[40:72], content[72:]
        if check != _checksum(content[:72]) and (self.encrypted or any(check)):
            raise WrongPassword if self.encrypted else DamagedKey
        return number, seed, public


def parse_secret_file(text: bytes) -> SecretFile:
    """A secret key file.

    Raises:
        DamagedKey: it is none of minisign's.
    """
    lines = text.splitlines()
    if len(lines) < 2 or not lines[0].startswith(b"untrusted comment:"):
        raise DamagedKey
    try:
        data = base64.b64decode(lines[1].strip(), validate=True)
    except binascii.Error as error:
        raise DamagedKey from error
    if len(data) != _LAYOUT.size:
        raise DamagedKey
    signature, derivation, check, salt, opslimit, memlimit, sealed = _LAYOUT.unpack(data)
    if signature != _SIGNATURE or derivation not in (_SCRYPT, _NONE) or check != _CHECK:
        raise DamagedKey
    if derivation == _SCRYPT and _scrypt_cost(opslimit, memlimit) is None:
        raise DamagedKey
    return SecretFile(derivation == _SCRYPT, salt, opslimit, memlimit, sealed)


def secret_file(number: bytes, seed: bytes, public: bytes, password: bytes | None, salt: bytes) -> bytes:
    """The text of a secret key file; without a password the key lies in it as it is."""
    content = number + seed + public
    if password is None:
        data = _LAYOUT.pack(_SIGNATURE, _NONE, _CHECK, bytes(32), 0, 0, content + bytes(32))
    else:
        sealed = _combined(content + _checksum(content), _stream(password, salt, _OPSLIMIT, _MEMLIMIT))
        data = _LAYOUT.pack(_SIGNATURE, _SCRYPT, _CHECK, salt, _OPSLIMIT, _MEMLIMIT, sealed)
    return COMMENT + b"\n" + base64.b64encode(data) + b"\n"


def _checksum(content: bytes) -> bytes:
    return hashlib.blake2b(_SIGNATURE + content, digest_size=32).digest()


def _combined(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _stream(password: bytes, salt: bytes, opslimit: int, memlimit: int) -> bytes:
    cost = _scrypt_cost(opslimit, memlimit)
    assert cost is not None
    return hashlib.scrypt(password, salt=salt, n=cost[0], r=8, p=cost[1], maxmem=_MOST_MEMORY, dklen=104)


def _scrypt_cost(opslimit: int, memlimit: int) -> tuple[int, int] | None:
    """scrypt's N and p for limits, as libsodium chooses them; None for what no key of minisign's asks for.

    >>> _scrypt_cost(1 << 25, 1 << 30)
    (1048576, 1)
    """
    opslimit, parallel = max(opslimit, 32768), 1
    if opslimit < memlimit // 32:
        most = opslimit // 32
        bits = _bits(most)
    else:
        bits = _bits(memlimit // 1024)
        parallel = min(opslimit // 4 >> bits, 0x3FFFFFFF) // 8
    return (1 << bits, parallel) if bits <= 20 and 1 <= parallel <= 64 else None


def _bits(most: int) -> int:
    return next((bits for bits in range(1, 63) if 1 << bits > most // 2), 63)
