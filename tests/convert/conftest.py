"""The small trained walk of the compression tests, converted."""

from __future__ import annotations

import pytest

from edgepack.convert import Converted, convert
from edgepack.progress import SilentProgress

from ..compress.conftest import Walk, accuracy, walk
from ..compress.small import digits

__all__ = ["accuracy", "walk"]


@pytest.fixture(scope="session")
def converted(walk: Walk) -> Converted:
    return convert(walk.compressed, digits(), walk.cache, SilentProgress())
