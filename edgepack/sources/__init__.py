"""Models and data sets as users have them, brought into one form each: a Keras 2 .h5, and memory-mapped splits."""

from __future__ import annotations

from edgepack.sources.data.dataset import DataFacts, Dataset, Split
from edgepack.sources.data.load import load_data
from edgepack.sources.keras.frameworks import import_tf_keras
from edgepack.sources.match import match_data
from edgepack.sources.model import SourceModel, TensorSpec, load_model, open_keras

__all__ = [
    "DataFacts",
    "Dataset",
    "SourceModel",
    "Split",
    "TensorSpec",
    "import_tf_keras",
    "load_data",
    "load_model",
    "match_data",
    "open_keras",
]
