"""Model files where a command expects a project: told apart by their names, without opening them."""

from __future__ import annotations

from pathlib import Path

KERAS_SUFFIXES = (".h5", ".hdf5", ".keras")
"""What the files of Keras models are called."""


def is_keras_model(path: Path) -> bool:
    """Whether a path names a Keras model, there or not: a file called like one, or a SavedModel folder that is no project."""
    if path.suffix.lower() in KERAS_SUFFIXES:
        return not path.is_dir()
    return (path / "saved_model.pb").is_file() and not (path / "edgepack.toml").exists()


def is_model(path: Path) -> bool:
    """Whether a path names a model rather than a project: a .tflite or a Keras model."""
    return path.suffix == ".tflite" or is_keras_model(path)
