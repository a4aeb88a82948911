"""Paths and settings as callers give them; importing this imports no room."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from typing import Any

File = str | PathLike[str]
Settings = Mapping[str, Any] | Sequence[str]


def as_overrides(settings: Settings) -> tuple[str, ...]:
    """Settings as `--set` has them.

    >>> as_overrides({"budget.ram": "32 KiB", "data.test": 0.25, "device.threads": None})
    ('budget.ram=32 KiB', 'data.test=0.25', 'device.threads=none')
    """
    if not isinstance(settings, Mapping):
        return tuple(settings)
    return tuple(f"{key}={_text(value)}" for key, value in settings.items())


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, (str, PathLike)):
        return fspath(value)
    return json.dumps(list(value) if isinstance(value, tuple) else value)
