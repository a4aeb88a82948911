"""What a runner program prints: one JSON object between two marker lines."""

from __future__ import annotations

import json
from typing import Any

BEGIN, END = "EDGEPACK-RESULT", "EDGEPACK-END"


class RunnerFailure(Exception):
    """A runner that reported an error, or whose result is missing or cut.

    `kind` is "runtime" (no usable runtime), "model" (the runtime refuses it), "data" (files that do not fit the model),
    "system" (a file or memory), or "cut" (no complete result).
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def parse_result(stdout: bytes) -> dict[str, Any]:
    """The object between the markers; anything a runtime or a login shell printed around them is ignored.

    Raises:
        RunnerFailure: the result is absent or cut, or it reports an error.
    """
    lines = stdout.decode("utf-8", "replace").splitlines()
    try:
        begin = len(lines) - 1 - lines[::-1].index(BEGIN)
        result = json.loads(lines[begin + 1])
        complete = lines[begin + 2] == END
    except (ValueError, IndexError):
        complete, result = False, None
    if not complete or not isinstance(result, dict):
        raise RunnerFailure("cut", "the runner ended without a complete result")
    if "error" in result:
        raise RunnerFailure(str(result.get("kind", "system")), str(result["error"]))
    return result
