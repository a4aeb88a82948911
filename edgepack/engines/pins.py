"""The digests of every wheel that edgepack brings to devices.

wheels.sha256 holds them as `sha256sum` writes them; scripts/lock_wheels.py makes it from the tables of `wheels`. What an index
serves under the same name with another content is never used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

PINS = Path(__file__).with_name("wheels.sha256")


@cache
def _all() -> Mapping[str, str]:
    rows = (line.split(maxsplit=1) for line in PINS.read_text(encoding="utf-8").splitlines())
    return {file: digest for digest, file in rows}


def pinned(requirement: str) -> dict[str, str]:
    """SHA-256 of the wheels of "package==version" by file name.

    >>> len(pinned("tflite-runtime==2.14.0")), pinned("tflite-runtime==2.13.0")
    (9, {})
    """
    package, _, version = requirement.partition("==")
    prefix = f"{re.sub(r'[-_.]+', '_', package).lower()}-{version}-"
    return {file: digest for file, digest in _all().items() if file.lower().startswith(prefix)}
