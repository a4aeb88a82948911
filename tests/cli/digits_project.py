"""A project that trains within seconds: a small dense network on scikit-learn's digits."""

from __future__ import annotations

from pathlib import Path

_MODEL = """
import tf_keras as keras
def build():
    inputs = keras.Input((64,), name="pixels")
    hidden = keras.layers.Dense(24, activation="relu", name="hidden")(inputs)
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax", name="digit")(hidden))
"""
_DATA = """
import numpy as np
from sklearn.datasets import load_digits
def load(path):
    digits = load_digits()
    x, y = (digits.data / 16).astype(np.float32), digits.target
    return {"train": (x[:500], y[:500]), "validation": (x[500:700], y[500:700]), "test": (x[700:1000], y[700:1000])}
"""
_SOURCES = """
[model]
source = "model.py:build"
[data]
source = "data.py:load"
"""
SHORT_SEARCH = """
[search]
epochs = 2
sparsities = [0.5]
removed = [0.5]
clusters = [0]
weights = ["int8"]
options.learning_rate = [0.005]
[[recipe]]
step = "train"
epochs = 6
learning_rate = 0.01
[[recipe]]
step = "quantize"
learning_rate = 0.005
"""
"""A recipe and a `[search]` of few choices, each trained for two epochs at most."""


def write_project(folder: Path, tables: str) -> Path:
    """The project in the new `folder`, with further `tables` in its edgepack.toml: 500 examples to train, 200 to validate, 300
    to test."""
    folder.mkdir()
    for name, text in (("model.py", _MODEL), ("data.py", _DATA), ("edgepack.toml", _SOURCES + tables)):
        (folder / name).write_text(text)
    return folder
