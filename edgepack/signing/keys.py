"""Key pairs for signing packs, as minisign keeps them: KEY.key, and KEY.pub which devices are given."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.ground.errors import ProjectError, ToolError
from edgepack.ground.files import write_atomic
from edgepack.ground.foreign import read_regular
from edgepack.ground.private import write_secret
from edgepack.runners.on_device.run_verify import PublicKey
from edgepack.signing.secret_file import DamagedKey, WrongPassword, parse_secret_file, secret_file

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_LARGEST = 16 << 10  # bytes of a key file
_NEW = "make a key with `edgepack keys new`, or with `minisign -G`"


@dataclass(frozen=True)
class SecretKey:
    """A key that signs; `public` is its other half."""

    public: PublicKey
    seed: bytes = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes, of RFC 8032's Ed25519: the same for the same message.

        Raises:
            ToolError: EP-691 cryptography is not installed.
        """
        return _private_key(self.seed).sign(message)


def generate_key(stem: Path, password: Callable[[Path], str] | None) -> tuple[Path, Path, PublicKey]:
    """Make a key pair in `stem`.key (for its owner alone) and `stem`.pub.

    `password` is called with the former's path; without it the secret key is not encrypted.

    Raises:
        ProjectError: EP-193 there is one already; EP-190 the files cannot be written.
        ToolError: EP-691 cryptography is not installed.
    """
    secret, open_file = (stem.with_name(stem.name + ending) for ending in (".key", ".pub"))
    seed, number = secrets.token_bytes(32), secrets.token_bytes(8)
    public = PublicKey(number, _public_of(seed))
    for path in (secret, open_file):
        if path.exists():
            raise ProjectError("EP-193", f"{path} is there already, and is not replaced", "give the new key another name")
    encoded = None if password is None else password(secret).encode()
    try:
        write_secret(secret, secret_file(number, seed, public.key, encoded, secrets.token_bytes(32)))
        write_atomic(open_file, public_text(public))
    except OSError as error:
        raise ProjectError(
            "EP-190", f"cannot write {error.filename or secret}: {error.strerror}", "choose another folder"
        ) from error
    return secret, open_file, public


def public_text(key: PublicKey) -> bytes:
    """The public key as a file of minisign's."""
    return f"untrusted comment: minisign public key {key.name}\n{key.text}\n".encode()


def read_secret_key(path: Path, password: Callable[[], str]) -> SecretKey:
    """A secret key of edgepack's or minisign's; `password` is asked when it is encrypted.

    Raises:
        ProjectError: EP-190 it cannot be read or is damaged; EP-191 the password is wrong.
        ToolError: EP-691 cryptography is not installed.
    """
    try:
        found = parse_secret_file(read_regular(path, _LARGEST))
        number, seed, public = found.open(password().encode() if found.encrypted else None)
        if public != _public_of(seed):
            raise DamagedKey
    except OSError as error:
        raise ProjectError("EP-190", f"cannot read the key {path}: {error.strerror}", _NEW) from error
    except WrongPassword as error:
        hint = "give the password that it was made with; a changed file looks the same"
        raise ProjectError("EP-191", f"the password does not open the key {path}", hint) from error
    except (ValueError, MemoryError) as error:
        why = (
            "its derivation needs 1 GiB of memory"
            if isinstance(error, MemoryError)
            else "it is damaged, or no secret key of minisign's"
        )
        raise ProjectError("EP-190", f"the key {path} cannot be used: {why}", _NEW) from error
    return SecretKey(PublicKey(number, public), seed)


def _public_of(seed: bytes) -> bytes:
    return _private_key(seed).public_key().public_bytes_raw()


def _private_key(seed: bytes) -> Ed25519PrivateKey:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError as error:
        raise ToolError("EP-691", "cryptography is not installed, which signs packs", 'pip install "edgepack[sign]"') from error
    return Ed25519PrivateKey.from_private_bytes(seed)


def signing_time() -> int:
    """The time stamp of a signature: SOURCE_DATE_EPOCH where that is set, as reproducible builds have it, else now.

    Raises:
        ProjectError: EP-194 SOURCE_DATE_EPOCH is no time.
    """
    import time

    from edgepack.ground.foreign import whole_number

    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not given:
        return int(time.time())
    found = whole_number(given)
    if found is None:
        raise ProjectError("EP-194", f"SOURCE_DATE_EPOCH={given} is no time", "set it to seconds since 1970, or unset it")
    return found
