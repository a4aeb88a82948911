"""The small trained walk of the compression tests, converted."""

from __future__ import annotations

from ..compress.conftest import accuracy, walk
from ..convert.conftest import converted

__all__ = ["accuracy", "converted", "walk"]
