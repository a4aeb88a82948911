"""Files and JSON that somebody else wrote, taken in with bounds on size, nesting and numbers."""

from __future__ import annotations

import json
import math
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DEEPEST = 64
"""Lists and objects inside one another. What edgepack writes itself is less than ten deep."""

_LARGEST = 1 << 64  # whole numbers of more than 64 bits overflow in arithmetic, and in text from 4,300 digits on


def read_regular(file: Path, most: int) -> bytes:
    """The content of a regular file (or of one that a symbolic link leads to), of at most `most` bytes.

    Raises:
        OSError: it cannot be read.
        ValueError: it is a pipe, a device or the like, whose content has no end, or it is larger.
    """
    if not stat.S_ISREG(file.stat().st_mode) and not file.is_dir():  # opening a folder says itself what is wrong
        raise ValueError("it is not a regular file")
    content = bytearray()
    with file.open("rb") as stream:
        while len(content) <= most and (block := stream.read(1 << 20)):
            content += block
    if len(content) > most:
        raise ValueError(f"it is larger than {most >> 20} MiB")
    return bytes(content)


def whole_number(text: str) -> int | None:
    """Such as "512" -> 512; None for anything else, and for more than 18 digits.

    `str.isdigit` is true of "²", which `int` refuses, as it does text of thousands of digits.
    """
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def parse_json(text: str | bytes, *, finite: bool = True) -> Any:
    """The value of a JSON text.

    Args:
        text: UTF-8 when it is bytes.
        finite: Whether NaN and infinite numbers, which only a careless writer gives, are refused.

    Raises:
        ValueError: it is no JSON, is nested more than `DEEPEST` deep, or holds a number that cannot be used.
    """
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("its values are nested too deeply") from error
    for depth, found in _walk(value):
        if depth > DEEPEST:
            raise ValueError("its values are nested too deeply")
        if isinstance(found, int) and not -_LARGEST < found < _LARGEST:
            raise ValueError("it holds a whole number of more than 64 bits")
        if finite and isinstance(found, float) and not math.isfinite(found):
            raise ValueError("it holds a number that is not finite")
    return value


def _walk(value: Any) -> Iterator[tuple[int, Any]]:
    """Every value and how deep it lies, without recursion."""
    level, depth = [value], 0
    while level:
        yield from ((depth, found) for found in level)
        if depth > DEEPEST:
            return
        level = [
            inner
            for found in level
            if isinstance(found, (list, dict))
            for inner in (found.values() if isinstance(found, dict) else found)
        ]
        depth += 1
