"""What is encrypted, and how: AES-128 in counter mode, with a nonce that follows from the key and all that is encrypted."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

import numpy as np

from edgepack.compile.call import Array
from edgepack.ground.errors import ToolError

BLOCK = 16
NONCE_BYTES = 12
LABEL = b"edgepack: nonce of encrypted weights, 1"


@dataclass
class Image:
    """All that is encrypted: arrays one behind the other, each from a block's beginning, equal ones once."""

    size: int = 0
    arrays: dict[bytes, int] = field(default_factory=dict)

    def array(self, content: bytes, comment: str) -> Array:
        """These bytes as an array that is stored encrypted, with zeros up to whole blocks."""
        content += bytes(-len(content) % BLOCK)
        offset = self.arrays.setdefault(content, self.size)
        if offset == self.size:
            self.size += len(content)
        return Array(np.frombuffer(content, np.uint8), comment, offset=offset)


@dataclass(frozen=True)
class Cipher:
    """A key and a nonce; the counter block of an offset is the nonce and the number of the block, 32 bits, highest byte first."""

    key: bytes = field(repr=False)
    nonce: bytes

    @classmethod
    def of(cls, key: bytes, image: Image) -> Cipher:
        """With the synthetic nonce of an image: HMAC-SHA-256 of its bytes by a key that is derived from `key`.

        The same key never meets the same nonce with other bytes, but by a collision of 96 bits.
        """
        nonce_key = hmac.new(key, LABEL, hashlib.sha256).digest()
        mac = hmac.new(nonce_key, digestmod=hashlib.sha256)
        for content in image.arrays:
            mac.update(len(content).to_bytes(8, "big") + content)
        return cls(key, mac.digest()[:NONCE_BYTES])

    def encrypt(self, offset: int, content: bytes) -> bytes:
        """`content`, which lies at `offset`, a multiple of BLOCK. Raises ToolError EP-716 without the package cryptography."""
        try:
            from cryptography.hazmat.primitives.ciphers import Cipher as Aes
            from cryptography.hazmat.primitives.ciphers import algorithms, modes
        except ImportError as error:
            hint = 'pip install "edgepack[sign]"'
            raise ToolError("EP-716", "encrypting weights needs the package cryptography", hint) from error
        counter = self.nonce + (offset // BLOCK).to_bytes(4, "big")
        encryptor = Aes(algorithms.AES(self.key), modes.CTR(counter)).encryptor()
        return encryptor.update(content) + encryptor.finalize()
