"""Files on their way in a small form: which one a device can unpack, and whether it is worth it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from edgepack.ground.small import Form, small

ASK = """\
if command -v xz >/dev/null 2>&1; then echo xz
elif python3 -c 'import lzma' >/dev/null 2>&1; then echo python
elif command -v gzip >/dev/null 2>&1; then echo gzip
else echo none; fi
"""
"""Says what on a device can unpack, the one for the smallest form first; "none" where there is none."""

_PYTHON = "import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.stdin.buffer), sys.stdout.buffer)"

_LEAST, _MOST = 1 << 10, 1 << 23  # bytes of a file that is worth it, and that does not take long
_WORTH = 0.9  # of its bytes
_SAMPLE = 1 << 16


@dataclass(frozen=True)
class Unpacker:
    """The form that a device unpacks, and the shell command that does, from standard input to standard output."""

    form: Form
    command: str


UNPACKERS = {
    "xz": Unpacker("xz", "xz -dc"),
    "python": Unpacker("xz", f"python3 -c '{_PYTHON}'"),
    "gzip": Unpacker("gz", "gzip -dc"),
}
"""By the words that ASK answers."""


def packed(file: Path, digest: str, form: Form) -> bytes | None:
    """The small form of a file with this SHA-256; None where it would save too little, or take too long."""
    return _packed(file, digest, form) if _LEAST <= file.stat().st_size <= _MOST else None


@lru_cache(maxsize=8)  # a fleet is sent the same files
def _packed(file: Path, digest: str, form: Form) -> bytes | None:
    content = file.read_bytes()
    if len(zlib.compress(content[:_SAMPLE], 1)) > 0.97 * min(len(content), _SAMPLE):
        return None
    made = small(content, form)
    return made if len(made) <= _WORTH * len(content) else None
