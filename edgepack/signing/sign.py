"""Signing a pack: the manifest, which names every file by its SHA-256, as `minisign -S` signs it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from edgepack.ground.errors import EdgepackError
from edgepack.ground.files import write_atomic
from edgepack.pack import Pack
from edgepack.runners.on_device.run_verify import ENDORSEMENT, KEY, MANIFEST, SIGNATURE
from edgepack.signing.keys import SecretKey, public_text, read_secret_key, signing_time
from edgepack.signing.password import ENDORSE, SIGN, password_of


@dataclass(frozen=True)
class Signer:
    """The key that signs, the key before it that endorses it (None: it is not changed), and the signatures' time stamp."""

    key: SecretKey
    endorser: SecretKey | None
    time: int


def read_signer(sign: Path, endorse: Path | None) -> Signer:
    """The keys in these files, their passwords taken from the environment or asked for.

    Raises:
        ProjectError: EP-190 to EP-192, EP-194; ToolError: EP-691; as reading a key says.
    """
    key = read_secret_key(sign, lambda: password_of(sign, SIGN))
    endorser = None if endorse is None else read_secret_key(endorse, lambda: password_of(endorse, ENDORSE))
    return Signer(key, endorser, signing_time())


def sign_pack(pack: Pack, signer: Signer) -> None:
    """Write the signature of the pack's manifest beside it, with the public key; the pack itself stays as it is.

    Raises:
        EdgepackError: EP-252 they cannot be written.
    """
    folder, key_text = pack.folder, public_text(signer.key.public)
    try:
        (folder / ENDORSEMENT).unlink(missing_ok=True)
        if signer.endorser is not None:
            write_atomic(folder / ENDORSEMENT, signature_text(signer.endorser, key_text, KEY, signer.time))
        write_atomic(folder / KEY, key_text)
        write_atomic(folder / SIGNATURE, signature_text(signer.key, (folder / MANIFEST).read_bytes(), MANIFEST, signer.time))
    except OSError as error:
        raise EdgepackError("EP-252", f"cannot sign the pack {folder}: {error.strerror}", "free some space") from error


def image_signature(key: SecretKey, content: bytes) -> bytes:
    """The key's number and its signature of `content`, prehashed as minisign does it: 72 bytes, as images carry them."""
    return key.public.number + key.sign(hashlib.blake2b(content).digest())


def signature_text(key: SecretKey, content: bytes, name: str, time: int) -> bytes:
    """The signature file of `content`, prehashed, byte for byte as minisign 0.11 writes it at that time."""
    signature = key.sign(hashlib.blake2b(content).digest())
    comment = f"timestamp:{time}\tfile:{name}\thashed".encode()
    lines = [
        b"untrusted comment: signature from minisign secret key",
        base64.b64encode(b"ED" + key.public.number + signature),
        b"trusted comment: " + comment,
        base64.b64encode(key.sign(signature + comment)),
    ]
    return b"\n".join(lines) + b"\n"
