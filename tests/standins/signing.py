"""Keys for tests, and packs signed with them."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from edgepack.pack import Pack

pytest.importorskip("cryptography", reason='cryptography is not installed (pip install "edgepack[sign]")')

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edgepack.runners.on_device.run_verify import PublicKey
from edgepack.signing import SecretKey, Signer, sign_pack


def key(name: str) -> SecretKey:
    """The key that follows from a name."""
    seed = hashlib.sha256(name.encode()).digest()
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return SecretKey(PublicKey(hashlib.sha256(seed).digest()[:8], public), seed)


def numbered(secret: SecretKey, number: bytes) -> SecretKey:
    """The key with another number: eight bytes, the lowest first."""
    return replace(secret, public=secret.public._replace(number=number))


OLD, NEW, THIRD = key("old"), key("new"), key("third")


def signed(pack: Pack, signer: SecretKey, time: int, endorser: SecretKey | None = None) -> Pack:
    """The pack, signed at that time."""
    sign_pack(pack, Signer(signer, endorser, time))
    return pack
