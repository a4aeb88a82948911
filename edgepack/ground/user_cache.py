"""The user's cache folder: what is built or downloaded once for all projects."""

from __future__ import annotations

import os
from pathlib import Path


def user_cache() -> Path:
    """Where compiled objects, wheels, downloads and zig's own cache live: $EDGEPACK_CACHE, else the user's cache folder."""
    asked = os.environ.get("EDGEPACK_CACHE")
    if asked:
        return Path(asked)
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path.home() / ".cache") / "edgepack"
