"""The key whose owner a stand-in lets in, as adb writes it and signs with it (AOSP packages/modules/adb, crypto and auth.cpp)."""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass

TOKEN_BYTES = 20
"""Bytes of what a client has to sign: as many as a SHA-1 digest has, for as one it is signed."""

_WORDS = 64  # of 32 bits: RSA-2048 is the one size that adb knows
_PUBLIC = struct.Struct(f"<II{4 * _WORDS}s{4 * _WORDS}sI")
_SHA1 = bytes.fromhex("3021300906052b0e03021a05000414")  # the DigestInfo of RFC 8017, 9.2, note 1


@dataclass(frozen=True)
class PublicKey:
    """An RSA-2048 key's public half."""

    modulus: int
    exponent: int

    @classmethod
    def parse(cls, line: str) -> PublicKey:
        """The key of a line as adb keeps it in adbkey.pub: base64 of words, n0inv, modulus, R² and exponent, then a name.

        Raises:
            ValueError: it is none.
        """
        try:
            words, _, modulus, _, exponent = _PUBLIC.unpack(base64.b64decode((line.split() or [""])[0], validate=True))
        except (binascii.Error, struct.error) as error:
            raise ValueError("not a public key of adb") from error
        if words != _WORDS:
            raise ValueError("not a key of 2048 bits")
        return cls(int.from_bytes(modulus, "little"), exponent)

    def signed(self, token: bytes, signature: bytes) -> bool:
        """Whether the key's owner signed `token` (RSASSA-PKCS1-v1_5, RFC 8017, 8.2.2; the token stands for its own SHA-1)."""
        if len(signature) != 4 * _WORDS or int.from_bytes(signature, "big") >= self.modulus:
            return False
        digest = _SHA1 + token
        expected = b"\x00\x01" + b"\xff" * (4 * _WORDS - len(digest) - 3) + b"\x00" + digest
        return pow(int.from_bytes(signature, "big"), self.exponent, self.modulus).to_bytes(4 * _WORDS, "big") == expected
