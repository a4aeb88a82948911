"""Patches in place of whole files: what changed inside a file, where the device and this machine both have the one before.

The patch is bsdiff's (Colin Percival, "Naive differences of executable code", 2003), made by the package bsdiff4 and applied on
the device by a few lines of Python. What comes out has to have the new file's SHA-256, else the file is sent whole.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from edgepack.devices import Device
from edgepack.devices.packed import packed
from edgepack.ground.files import write_atomic
from edgepack.ground.user_cache import user_cache
from edgepack.remote.layout import Layout

_LEAST, _MOST = 1 << 12, 1 << 23  # bytes of a file that is worth it, and whose patch does not take long
_WORTH = 0.8  # of the bytes that would travel otherwise
_KEPT = 1 << 28
"""Bytes of files that this machine keeps to make patches from."""

# Reads a patch; makes the file $3 of $1 and it, by way of $2, when its size and SHA-256 are $4 and $5. Differences are added to
# 64 KiB at a time, as numbers of many digits.
_APPLY = """\
import bz2, hashlib, os, sys
base_file, part, new_file, size, digest = sys.argv[1:]
size, patch = int(size), sys.stdin.buffer.read()
def number(data):
    value = int.from_bytes(data[:8], "little")
    return value if value < 1 << 63 else (1 << 63) - value
lengths = [number(patch[at:at + 8]) for at in (8, 16, 24)]
if patch[:8] != b"BSDIFF40" or lengths[2] != size:
    sys.exit("no patch for this file")
def unpacked(start, end, most):
    return bz2.BZ2Decompressor().decompress(patch[start:end], most)
middle = 32 + lengths[0]
control = unpacked(32, middle, 24 * size + 24)
differences = unpacked(middle, middle + lengths[1], size)
extra = unpacked(middle + lengths[1], len(patch), size)
def added(one, other):
    count = len(one)
    low, high = (int.from_bytes(byte * count, "little") for byte in (b"\\x7f", b"\\x80"))
    one, other = int.from_bytes(one, "little"), int.from_bytes(other, "little")
    return (((one & low) + (other & low)) ^ ((one ^ other) & high)).to_bytes(count, "little")
with open(base_file, "rb") as file:
    base = file.read()
def before(start, count):
    return (bytes(max(0, min(count, -start))) + base[max(start, 0):max(start + count, 0)]).ljust(count, b"\\0")
hashed, place, old, new = hashlib.sha256(), 0, 0, 0
with open(part, "wb") as file:
    def write(data):
        hashed.update(data)
        file.write(data)
    for at in range(0, len(control), 24):
        copied, literal, moved = (number(control[at + field:at + field + 8]) for field in (0, 8, 16))
        for start in range(0, copied, 1 << 16):
            count = min(1 << 16, copied - start)
            write(added(differences[place:place + count], before(old, count)))
            place, old = place + count, old + count
        write(extra[new:new + literal])
        new, old = new + literal, old + moved
    file.flush()
    os.fsync(file.fileno())
if hashed.hexdigest() != digest:
    os.remove(part)
    sys.exit("the file before is another")
os.replace(part, new_file)
"""


def patch_for(content: bytes, base_digest: str, digest: str) -> bytes | None:
    """The patch that makes `content`, whose SHA-256 is `digest`, of the file with the other; None where there is none to make."""
    if not _LEAST <= len(content) <= _MOST:
        return None
    with suppress(OSError):
        base = (_store() / base_digest).read_bytes()
        if hashlib.sha256(base).hexdigest() == base_digest:
            return _patch(base, content, digest)
    return None


def worth(patch: int, whole: int) -> bool:
    """Whether a patch of so many bytes is sent, where the whole file would travel in `whole`."""
    return patch <= _WORTH * whole


def send_patch(device: Device, layout: Layout, python: str, file: Path, digest: str, bases: Mapping[str, str]) -> int | None:
    """Have the device make a blob of one of `bases`, paths in the model's folder by SHA-256; the bytes that travelled.

    None where nothing was made: there is no patch, it is hardly smaller than what `Device.put` would send, or it failed.

    Raises:
        DeviceError: the link failed.
    """
    content = file.read_bytes()
    for base, path in bases.items():
        patch = patch_for(content, base, digest)
        whole = packed(file, digest, "xz")
        if patch is None or not worth(len(patch), len(content if whole is None else whole)):
            continue
        places = [f"{layout.folder}/{path}", f"{layout.folder}/.probe.patched", layout.blob(digest)]
        made = device.run([python, "-I", "-c", _APPLY, *places, str(len(content)), digest], timeout=300.0, stdin=patch)
        if made.status == 0:
            return len(patch)
    return None


def keep(files: Iterable[tuple[str, Path]]) -> None:
    """Keep files, by their SHA-256, for patches of what comes after them; those that were not used for longest go."""
    store = _store()
    with suppress(OSError):  # without them files are sent whole
        for digest, file in files:
            kept = store / digest
            if kept.is_file():
                os.utime(kept)
            elif _LEAST <= file.stat().st_size <= _MOST:
                write_atomic(kept, file.read_bytes(), private=True)
        total = 0
        for file in sorted(store.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True):
            total += file.stat().st_size
            if total > _KEPT:
                file.unlink()


def _store() -> Path:
    return user_cache() / "sent"


@lru_cache(maxsize=8)  # a fleet is sent the same files
def _patch(base: bytes, content: bytes, digest: str) -> bytes:
    import bsdiff4

    return bytes(bsdiff4.diff(base, content))
