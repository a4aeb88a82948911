"""Files in a smaller form for the way: .xz, and .gz where nothing else can be unpacked. Every tool of these names reads them.

Of the lossless forms that a Python or a shell unpacks by itself .xz is the smallest for models (benchmarks/coding/sent.md). What
LZMA takes for the context of a byte suits text by default; weights are bytes of their own, or of floats in fours, and each
kind of file is smallest with another setting. So a few are tried.
"""

from __future__ import annotations

import gzip
import lzma
from typing import Literal

Form = Literal["xz", "gz"]

# (lc, lp, pb) of LZMA: single bytes, bytes in fours, floats, and text, which is xz's own default.
_CONTEXTS = ((0, 0, 0), (0, 2, 0), (0, 2, 2), (2, 2, 0), (3, 0, 2))
_MANY = 1 << 19  # bytes; a larger file is packed once, with the default
_SMALLEST_WINDOW, _LARGEST_WINDOW = 1 << 12, 1 << 22  # bytes of memory that unpacking takes


def small(content: bytes, form: Form) -> bytes:
    """`content` in its small form, the same bytes for the same content and library.

    .xz has a CRC-32, which the small decoders of busybox and the Linux kernel know, too.
    """
    if form == "gz":
        return gzip.compress(content, 9, mtime=0)
    contexts = _CONTEXTS if len(content) <= _MANY else _CONTEXTS[-1:]
    return min((_xz(content, *context) for context in contexts), key=len)


def _xz(content: bytes, lc: int, lp: int, pb: int) -> bytes:
    window = min(max(1 << max(len(content) - 1, 1).bit_length(), _SMALLEST_WINDOW), _LARGEST_WINDOW)
    preset = 9 | lzma.PRESET_EXTREME if len(content) <= _MANY else 6
    chain = {"id": lzma.FILTER_LZMA2, "preset": preset, "dict_size": window, "lc": lc, "lp": lp, "pb": pb}
    return lzma.compress(content, lzma.FORMAT_XZ, lzma.CHECK_CRC32, filters=[chain])
