"""Unpack a model that came in a small form: python3 unpack.py NAME.json [FILE]

NAME.json says what the model is and in which forms it comes; the first of them that lies beside it is unpacked to FILE, by
default NAME.tflite beside it. FILE appears whole and verified by its SHA-256, or not at all; what was there before stays until
then. Needs Python 3.8 and nothing else. Exit status: 0, or 1 with one line on standard error.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import os
import sys
import zlib
from pathlib import Path
from typing import Any

_BLOCK = 1 << 16


class Refused(Exception):
    """Why there is no model, in a line."""


def unpack(description: Path, target: Path | None = None) -> Path:
    """Unpack the model that `description` tells of; where it is then.

    Raises:
        Refused: the description or the packed file is absent or damaged, or the model cannot be written.
    """
    model, forms = _read(description)
    packed = next((path for path in (description.parent / form for form in forms) if path.is_file()), None)
    if packed is None:
        raise Refused(f"none of {', '.join(forms)} is beside {description}")
    target = target or description.parent / model["file"]
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        _write(packed, part, model)
        os.replace(part, target)
    except OSError as error:
        raise Refused(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        if part.exists():
            part.unlink()
    return target


def _read(description: Path) -> tuple[dict[str, Any], list[str]]:
    try:
        said = json.loads(description.read_text(encoding="utf-8"))
        model, forms = said["model"], [form["file"] for form in said["forms"]]
        right = isinstance(model["bytes"], int) and len(model["sha256"]) == 64
        names = [model["file"], *forms]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f"{description} cannot be read: {error}") from error
    if not right or not forms or any(Path(name).name != name for name in names):
        raise Refused(f"{description} does not describe a model")
    return model, forms


def _write(packed: Path, part: Path, model: dict[str, Any]) -> None:
    """The model to `part`, no more bytes than it has; OSError where they cannot be written."""
    digest, left = hashlib.sha256(), model["bytes"]
    with (lzma.open if packed.suffix == ".xz" else gzip.open)(packed, "rb") as source, part.open("wb") as sink:
        while block := _block(source, packed):
            left -= len(block)
            if left < 0:
                break
            digest.update(block)
            sink.write(block)
        sink.flush()
        os.fsync(sink.fileno())
    if left or digest.hexdigest() != model["sha256"]:
        raise Refused(f"{packed} does not hold the model that was described: fetch it again")


def _block(source: lzma.LZMAFile | gzip.GzipFile, packed: Path) -> bytes:
    try:
        return source.read(_BLOCK)
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise Refused(f"{packed} is damaged or not whole ({error}): fetch it again") from error


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit("usage: python3 unpack.py NAME.json [FILE]")
    try:
        print(unpack(*map(Path, sys.argv[1:])))
    except Refused as refused:
        sys.exit(f"unpack: {refused}")
