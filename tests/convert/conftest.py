"""The small trained walk of the compression tests, converted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgepack.convert import Converted, convert
from edgepack.ground.cache import Cache
from edgepack.ground.progress import SilentProgress

from ..compress.conftest import Walk, accuracy, walk
from ..compress.small import digits
from ..conftest import Once

__all__ = ["accuracy", "walk"]


@pytest.fixture(scope="session")
def converted(walk: Walk, once: Once) -> Converted:
    """Converted once for all rooms and workers, in the walk's cache."""

    def convert_into(folder: Path) -> None:
        convert(walk.compressed, digits(), Cache(folder), SilentProgress())

    shutil.copytree(once("converted", convert_into), walk.cache.folder, dirs_exist_ok=True)
    return convert(walk.compressed, digits(), walk.cache, SilentProgress())
