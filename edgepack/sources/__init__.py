"""Models and data sets as users have them, brought into one form each: a Keras 2 .h5, and memory-mapped splits.

- `data` reads every kind of data set, checks it, cuts the splits that are missing and stores them.
- `keras` opens or builds models of both Keras generations, brings them to Keras 2 and stores them; `model` is what the later
  stages see of a model, from the cache, and takes a ready .tflite as it is.
- `match` fits the data to the model's inputs.
- Both use `user_code`, which runs a project's model.py and data.py, and `fingerprint`, which tells the cache what has changed.
"""

from __future__ import annotations

from edgepack.sources.data.dataset import DataFacts, Dataset, Split
from edgepack.sources.data.examples import Examples, blocks
from edgepack.sources.data.load import load_data
from edgepack.sources.keras.frameworks import import_tf_keras
from edgepack.sources.match import match_data
from edgepack.sources.model import SourceModel, TensorSpec, is_ready, load_model, open_keras

__all__ = [
    "DataFacts",
    "Dataset",
    "Examples",
    "SourceModel",
    "Split",
    "TensorSpec",
    "blocks",
    "import_tf_keras",
    "is_ready",
    "load_data",
    "load_model",
    "match_data",
    "open_keras",
]
