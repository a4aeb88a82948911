"""Models and data sets as users have them, brought into one form each: a Keras 2 .h5, and memory-mapped splits."""

from __future__ import annotations

from edgepack.sources.data import load_data
from edgepack.sources.dataset import Dataset, Split

__all__ = ["Dataset", "Split", "load_data"]
