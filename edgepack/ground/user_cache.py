"""The user's cache folder: what is built or downloaded once for all projects."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_path

from edgepack.ground.files import make_folder


def user_cache() -> Path:
    """Where compiled objects, wheels, downloads and zig's own cache live: $EDGEPACK_CACHE, else the user's cache folder.

    It is made when it is not there, for its owner alone: programs that are kept in it are run.
    """
    asked = os.environ.get("EDGEPACK_CACHE")
    folder = Path(asked) if asked else user_cache_path("edgepack")
    with suppress(OSError):  # whoever writes there says so
        make_folder(folder, private=True)
    return folder
