"""Whether a signed release may become current: its signature, its key, its age and every one of its files.

Signatures and keys are minisign's: `minisign -Vm manifest.json -P KEY` checks the same. What a device trusts is in one folder:

    key.pub          the public key that releases must be signed with
    retired          keys that were in its place before, one a line
    accepted/NAME    the highest time stamp of a release of NAME that was accepted
    journal          every switch, one a line, as the deployments wrote it
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import hashlib
import importlib
import json
import os
import re
import stat
from pathlib import Path
from typing import Any, Iterator, NamedTuple  # noqa: UP035 (for Python 3.9)

run_ed25519: Any = importlib.import_module(f"{__package__}.run_ed25519" if __package__ else "run_ed25519")

MANIFEST, SIGNATURE = "manifest.json", "manifest.json.minisig"
KEY, ENDORSEMENT = "signing-key.pub", "signing-key.pub.minisig"
BESIDE = (MANIFEST, "SHA256SUMS", SIGNATURE, KEY, ENDORSEMENT)
"""Files of a release that its manifest does not list."""

LARGEST_MANIFEST, LARGEST_TEXT = 16 << 20, 16 << 10  # bytes


class Refused(Exception):
    """Why a release may not become current: a line, and its `kind`, one word that the host answers."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class PublicKey(NamedTuple):
    """A key's number, eight bytes, and the key itself."""

    number: bytes
    key: bytes

    @property
    def name(self) -> str:
        """The number as minisign shows it."""
        return f"{int.from_bytes(self.number, 'little'):X}"

    @property
    def text(self) -> str:
        """What `minisign -P` takes."""
        return base64.b64encode(b"Ed" + self.number + self.key).decode()


class Signature(NamedTuple):
    """A signature file: `prehashed` says that BLAKE2b-512 of the file was signed; `comment` is the trusted one."""

    prehashed: bool
    number: bytes
    signature: bytes
    comment: bytes
    comment_signature: bytes


def verify(folder: str, signature: str | None, trust: str, name: str, mode: str) -> dict[str, Any]:
    """Check the release in `folder`, whose signature files are in `signature` or beside it, and store what is trusted then.

    In the mode "deploy" a device without a key takes that of the release, another key is taken when the device's key endorses it,
    and no release may be older than one that was accepted. In the mode "rollback" only the device's key counts, and nothing is
    stored.

    Raises:
        Refused: unsigned, signature, key, stale, replayed, altered, or system, with what is wrong.
    """
    release, beside, store = Path(folder), Path(signature or folder), Path(trust)
    with _locked(store):
        manifest = _read(release / MANIFEST, LARGEST_MANIFEST)
        key_text = _read(beside / KEY, LARGEST_TEXT, "unsigned")
        key = parse_key(key_text)
        signed = parse_signature(_read(beside / SIGNATURE, LARGEST_TEXT, "unsigned"))
        check_signature(manifest, signed, key, MANIFEST)
        change = _admit_key(key, key_text, beside, store, mode)
        stamp = time_stamp(signed)
        if mode != "rollback":
            _refuse_older(stamp, store / "accepted" / name)
        _check_files(manifest, release, name)
        if mode != "rollback":
            _store(key_text, change, stamp, store, name)
    return {"key": key.text, "time": stamp, "change": change}


def parse_key(text: bytes, name: str = KEY, kind: str = "signature") -> PublicKey:
    """A public key from minisign's file, whose second line it is; `name` and `kind` are of what is said when it is none."""
    lines = _lines(text)
    data = _decoded(lines[1] if len(lines) > 1 else b"", 42)
    if data is None or data[:2] != b"Ed" or not lines[0].startswith(b"untrusted comment:"):
        raise Refused(kind, f"{name} is no public key of minisign's")
    return PublicKey(data[2:10], data[10:])


def parse_signature(text: bytes) -> Signature:
    """A signature from minisign's file."""
    lines = _lines(text)
    data = _decoded(lines[1] if len(lines) > 1 else b"", 74)
    own = _decoded(lines[3] if len(lines) > 3 else b"", 64)
    prefix = b"trusted comment: "
    if data is None or own is None or data[:2] not in (b"Ed", b"ED") or not lines[2].startswith(prefix):
        raise Refused("signature", "the signature is damaged, or none of minisign's")
    return Signature(data[:2] == b"ED", data[2:10], data[10:], lines[2][len(prefix) :], own)


def check_signature(content: bytes, signed: Signature, key: PublicKey, name: str) -> None:
    """Refuse a signature that is not of `content` by `key`, or whose trusted comment was changed."""
    if signed.number != key.number:
        other = PublicKey(signed.number, b"").name
        raise Refused("signature", f"the signature of {name} is by key {other}, not by {key.name}")
    message = hashlib.blake2b(content).digest() if signed.prehashed else content
    if not run_ed25519.verify(key.key, message, signed.signature):
        raise Refused("signature", f"the signature of {name} by key {key.name} is wrong")
    if not run_ed25519.verify(key.key, signed.signature + signed.comment, signed.comment_signature):
        raise Refused("signature", f"the trusted comment in the signature of {name} was changed")


def time_stamp(signed: Signature) -> int:
    """The seconds since 1970 in the trusted comment."""
    for word in signed.comment.split(b"\t"):
        if re.fullmatch(rb"timestamp:[0-9]{1,18}", word):
            return int(word[10:])
    raise Refused("signature", "the signature's trusted comment holds no timestamp")


def _admit_key(key: PublicKey, key_text: bytes, beside: Path, store: Path, mode: str) -> str:
    """Find that a key may sign: "" when it is the device's, "first" when there is none, "changed" when its own endorses it."""
    if not (store / "key.pub").exists() and mode != "rollback":
        return "first"
    trusted = _trusted_key(store)
    if trusted == key:
        return ""
    if mode != "rollback" and (beside / ENDORSEMENT).exists():
        endorsement = parse_signature(_read(beside / ENDORSEMENT, LARGEST_TEXT))
        if endorsement.number == trusted.number:
            check_signature(key_text, endorsement, trusted, KEY)
            return "changed"
    if key.text.encode() in _lines(_read(store / "retired", LARGEST_MANIFEST) if (store / "retired").exists() else b""):
        raise Refused("stale", f"it is signed with key {key.name}, in whose place the device has {trusted.name} by now")
    raise Refused("key", f"it is signed with key {key.name}, the device trusts {trusted.name}")


def _trusted_key(store: Path) -> PublicKey:
    return parse_key(_read(store / "key.pub", LARGEST_TEXT), "key.pub", "system")


def _refuse_older(stamp: int, accepted: Path) -> None:
    if not accepted.exists():
        return
    text = _read(accepted, LARGEST_TEXT).strip()
    if not re.fullmatch(rb"[0-9]{1,18}", text):
        raise Refused("system", f"{accepted} does not hold a time stamp")
    if stamp < int(text):
        raise Refused("replayed", f"it was signed at {stamp}, a release signed at {int(text)} was accepted before")


def _check_files(manifest: bytes, release: Path, name: str) -> None:
    """Refuse a release of another model, or one whose files are not those that its manifest lists."""
    try:
        said = json.loads(manifest)
        wanted = {file: (entry["bytes"], entry["sha256"]) for file, entry in said["files"].items()}
        signed_name = said["name"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Refused("altered", f"{MANIFEST} does not list a release's files") from error
    if signed_name != name:
        raise Refused("signature", f"it is a release of {signed_name}, not of {name}")
    for file in _files(release):
        if file not in wanted and file not in BESIDE:
            raise Refused("altered", f"{file} is not in its manifest")
    for file, entry in wanted.items():
        if file.startswith("/") or ".." in file.split("/") or entry != _size_and_hash(release / file):
            raise Refused("altered", f"{file} is not what its manifest says")


def _files(folder: Path) -> Iterator[str]:
    """All that is in a folder but folders."""
    for place, folders, files in os.walk(folder, onerror=_unreadable):
        links = [one for one in folders if (Path(place) / one).is_symlink()]
        yield from ((Path(place) / one).relative_to(folder).as_posix() for one in [*files, *links])


def _unreadable(error: OSError) -> None:
    raise Refused("system", f"{error.filename}: {error.strerror}") from error


def _size_and_hash(path: Path) -> tuple[int, str] | None:
    digest, size = hashlib.sha256(), 0
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        with path.open("rb") as file:
            while True:
                block = file.read(1 << 20)
                if not block:
                    return size, digest.hexdigest()
                digest.update(block)
                size += len(block)
    except OSError:
        return None


def _store(key_text: bytes, change: str, stamp: int, store: Path, name: str) -> None:
    """Keep the key and the time stamp, each whole or not at all; the retired key first, the new one last."""
    try:
        (store / "accepted").mkdir(mode=0o755, exist_ok=True)
        _write(store / "accepted" / name, b"%d\n" % stamp)
        if change == "changed":
            retired = _read(store / "retired", LARGEST_MANIFEST) if (store / "retired").exists() else b""
            _write(store / "retired", retired + _trusted_key(store).text.encode() + b"\n")
        if change:
            _write(store / "key.pub", key_text)
    except OSError as error:
        raise Refused("system", f"{error.filename or store}: {error.strerror}") from error


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.new")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


@contextlib.contextmanager
def _locked(store: Path) -> Iterator[None]:
    """Nobody else changes what is trusted meanwhile."""
    try:
        store.mkdir(mode=0o755, exist_ok=True)
        lock = (store / "lock").open("ab")
    except OSError as error:
        raise Refused("system", f"{error.filename}: {error.strerror}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(path: Path, most: int, missing: str = "system") -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError as error:
        raise Refused(missing, f"{path.name} is missing") from error
    except OSError as error:
        raise Refused("system", f"{path}: {error.strerror}") from error
    if len(content) > most:
        raise Refused("system", f"{path} is larger than {most} bytes")
    return content


def _lines(text: bytes) -> list[bytes]:
    return [line.rstrip(b"\r") for line in text.split(b"\n")]


def _decoded(line: bytes, size: int) -> bytes | None:
    """The bytes of a line in base64, None when they are not `size`."""
    try:
        data = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if len(data) == size else None
