"""The user's cache folder: what is built or downloaded once for all projects."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path


def user_cache() -> Path:
    """Where compiled objects, wheels, downloads and zig's own cache live: $EDGEPACK_CACHE, else the user's cache folder."""
    asked = os.environ.get("EDGEPACK_CACHE")
    return Path(asked) if asked else user_cache_path("edgepack")
