"""The kernels: real C headers, a folder a family of operators. Their file names are unique, and exports lay them side by side."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


@cache
def kernel_headers() -> dict[str, Path]:
    """Every header by its file name, such as "ep_add.h"."""
    return {file.name: file for file in sorted(FOLDER.rglob("ep_*.h"))}


def include_folders() -> tuple[Path, ...]:
    """The folders in which a compiler finds every header."""
    return tuple(sorted({file.parent for file in kernel_headers().values()}))


@cache
def header_text(name: str) -> str:
    """The text of a header."""
    return kernel_headers()[name].read_text(encoding="utf-8")
