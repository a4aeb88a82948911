"""A pack's signature, checked on this machine by the runner's own rules, and what is said of one that does not hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgepack.ground.errors import DeviceError
from edgepack.ground.foreign import read_regular
from edgepack.runners.on_device import run_verify

_WORDS = {
    "unsigned": ("EP-570", "sign it: `edgepack deploy … --sign KEY`"),
    "signature": ("EP-571", "sign the pack again with `edgepack deploy … --sign KEY`"),
    "key": ("EP-572", "sign with the device's key, or change it: `--sign NEW --endorse OLD`"),
    "stale": ("EP-573", "sign with the key that took its place"),
    "replayed": ("EP-574", "deploy a newer release, or go back with `edgepack rollback`"),
    "altered": ("EP-575", "deploy that version again"),
}


class SignatureRefused(DeviceError):
    """EP-570 to EP-576: a release is not signed as it must be, or cannot be checked."""


@dataclass(frozen=True)
class PackSignature:
    """The signature files of a pack: of its manifest, the public key, and that key's endorsement by the one before it."""

    signature: str
    key: str
    endorsement: str | None


def read_signature(folder: Path) -> PackSignature | None:
    """The signature files in a pack's folder; None when it is not signed.

    Raises:
        DeviceError: EP-571 they are not complete.
    """
    files = [folder / name for name in (run_verify.SIGNATURE, run_verify.KEY, run_verify.ENDORSEMENT)]
    if not files[0].exists():
        return None
    try:
        signature, key = (_read(file) for file in files[:2])
        return PackSignature(signature, key, _read(files[2]) if files[2].exists() else None)
    except (OSError, ValueError) as error:
        raise signature_error("signature", f"the pack {folder}: its signature cannot be read: {error}") from error


def check_signature(folder: Path, signature: PackSignature) -> None:
    """Check the signature of the pack in `folder` before anything is done with it.

    Raises:
        DeviceError: EP-571 it is not by the key that lies beside it, or not of this manifest.
    """
    try:
        key, signed = run_verify.parse_key(signature.key.encode()), run_verify.parse_signature(signature.signature.encode())
        run_verify.check_signature((folder / run_verify.MANIFEST).read_bytes(), signed, key, run_verify.MANIFEST)
        run_verify.time_stamp(signed)
        if signature.endorsement is not None:
            run_verify.parse_signature(signature.endorsement.encode())
    except run_verify.Refused as refused:
        raise signature_error(refused.kind, f"the pack {folder}: {refused}") from refused


def signature_error(kind: str, message: str) -> SignatureRefused:
    """The error for what a check said: its kind, and its line."""
    code, hint = _WORDS.get(kind, ("EP-576", "see what the message names; docs/reference/device-layout.md says what is where"))
    return SignatureRefused(code, message, hint)


def _read(file: Path) -> str:
    text = read_regular(file, run_verify.LARGEST_TEXT).decode()
    if "\0" in text:
        raise ValueError(f"{file.name} is no text")
    return text
