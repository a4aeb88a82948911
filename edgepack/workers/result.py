"""What a runner program prints: one JSON object between two marker lines."""

from __future__ import annotations

import re
from typing import Any

from edgepack.ground.foreign import parse_json

BEGIN, END = "EDGEPACK-RESULT", "EDGEPACK-END"

LONGEST = 16 << 20
"""Bytes of a result. Parsed, JSON takes up to thirty times as much memory."""

_BEGIN_LINE = re.compile(rb"^EDGEPACK-RESULT[ \t]*\r?\n", re.MULTILINE)
_END_LINE = re.compile(rb"\r?\nEDGEPACK-END\r?$", re.MULTILINE)
_MESSAGE = 1000  # characters of an error that a runner reports


class RunnerFailure(Exception):
    """A runner that reported an error, or whose result is missing or cut.

    `kind` is "runtime" (no usable runtime), "model" (the runtime refuses it), "data" (files that do not fit the model),
    "system" (a file or memory), or "cut" (no complete result).
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def parse_result(stdout: bytes, longest: int = LONGEST) -> dict[str, Any]:
    """The object between the markers, a text of at most `longest` bytes; what was printed around them is ignored.

    Raises:
        RunnerFailure: the result is absent or cut, or it reports an error.
    """
    try:
        result = parse_json(_between(stdout, longest), finite=False)
    except (ValueError, IndexError) as error:
        raise RunnerFailure("cut", "the runner ended without a complete result") from error
    if not isinstance(result, dict):
        raise RunnerFailure("cut", "the runner ended without a complete result")
    if "error" in result:
        raise RunnerFailure(str(result.get("kind", "system")), str(result["error"])[:_MESSAGE])
    return result


def _between(stdout: bytes, longest: int) -> bytes:
    """The line between the last pair of markers; a text of many lines is not taken apart for it.

    Raises:
        ValueError, IndexError: there is none, or it is too long.
    """
    start = max(match.end() for match in _BEGIN_LINE.finditer(stdout))
    end = _END_LINE.search(stdout, start)
    if end is None or end.start() - start > longest or b"\n" in stdout[start : end.start()]:
        raise ValueError
    return stdout[start : end.start()]
