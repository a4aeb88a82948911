"""Images and updates: headers, signatures, and which form of an update is the smallest. docs/guides/ota.md describes them."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass

from edgepack.ground.errors import ProjectError
from edgepack.pack.deliveries.image.patch import BLOCK, encode_patch

HEADER, SIGNATURE, NAME = 128, 72, 24
_IMAGE = struct.Struct("<4sHHII24s32s32s24x")
_UPDATE = struct.Struct("<4sHHIIIIII24s32s32s8x")
_WORTH = 15 / 16  # a patch's size over the whole's above which it is not worth it: the whole suits every device
LARGEST = 1 << 26
"""Bytes of a content: far above what a microcontroller's slot holds."""

Sign = Callable[[bytes], bytes]
"""The key's number and its signature, 72 bytes, of some content as minisign signs it."""


@dataclass(frozen=True)
class Image:
    """An image as it lies in a slot: `header`, `content`, `signature`; what the header says beside."""

    header: bytes
    content: bytes
    signature: bytes
    version: int
    name: bytes

    @property
    def whole(self) -> bytes:
        """All its bytes."""
        return self.header + self.content + self.signature

    @property
    def identity(self) -> bytes:
        """SHA-256 of the header, which names the content by its own."""
        return hashlib.sha256(self.header).digest()


def make_image(content: bytes, model: bytes, name: str, version: int, sign: Sign) -> Image:
    """The image of `content`, which is or was built from the .tflite `model`.

    Raises:
        ProjectError: EP-173 a name that is too long, a version that is none, or a content that is empty or too large.
    """
    called = name.encode()
    if not 0 < len(called) <= NAME:
        raise ProjectError(
            "EP-173", f"the name {name} has {len(called)} bytes, an image's at most {NAME}", "give a shorter --name"
        )
    if not 0 < version < 1 << 32:
        raise ProjectError("EP-173", f"{version} is no version of an image", "give a whole number from 1 to 4294967295")
    if not 0 < len(content) <= LARGEST:
        raise ProjectError("EP-173", f"an image of {len(content):,} bytes", f"an image holds 1 to {LARGEST:,} bytes")
    hashes = (hashlib.sha256(content).digest(), hashlib.sha256(model).digest())
    header = _IMAGE.pack(b"EPIM", 1, HEADER, version, len(content), called, *hashes)
    return Image(header, content, sign(header + content), version, called)


def parse_image(data: bytes) -> Image:
    """An image that `make_image` made.

    Raises:
        ValueError: it is none, or was changed.
    """
    if len(data) < HEADER + SIGNATURE:
        raise ValueError("it is too short")
    magic, form, size, version, length, name, digest, _ = _IMAGE.unpack_from(data)
    header, content, signature = data[:HEADER], data[HEADER:-SIGNATURE], data[-SIGNATURE:]
    if (magic, form, size) != (b"EPIM", 1, HEADER):
        raise ValueError("it is no image of edgepack's")
    if length != len(content) or hashlib.sha256(content).digest() != digest:
        raise ValueError("it was altered or cut")
    return Image(header, content, signature, version, name.rstrip(b"\0"))


def make_update(image: Image, base: Image | None, sign: Sign) -> tuple[bytes, bool]:
    """The update that brings `image`, signed, and whether it is a patch of `base`: it is where that is clearly smaller.

    The bases' signatures have no part in it.

    Raises:
        ProjectError: EP-174 the base has another name, or a version that is not below the image's.
    """
    patch, patched = encode_patch(image.whole), False
    if base is not None:
        if base.name != image.name:
            said = base.name.decode(errors="replace")
            raise ProjectError("EP-174", f"the base is an image of {said!r}, not of {image.name.decode()!r}", "give its --name")
        if base.version >= image.version:
            message = f"version {image.version} is not above the base's, {base.version}, and devices would refuse it"
            raise ProjectError("EP-174", message, "give a larger --image-version")
        delta = encode_patch(image.whole, base.header + base.content)
        if len(delta) < len(patch) * _WORTH:
            patch, patched = delta, True
    old = base if patched else None
    sizes = (0 if old is None else HEADER + len(old.content), len(image.whole), len(patch), BLOCK)
    identities = (bytes(32) if old is None else old.identity, image.identity)
    header = _UPDATE.pack(b"EPUP", 1, HEADER, image.version, *sizes, 0, image.name, *identities)
    return header + patch + sign(header + patch), patched
