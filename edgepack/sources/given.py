"""A model and data that are Python objects already, brought into the form that a project's files are brought into."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgepack.ground.cache import Cache
from edgepack.ground.errors import DataError, EdgepackError, ModelError, UnknownLayer
from edgepack.ground.files import hash_of
from edgepack.ground.progress import Progress
from edgepack.project.types import DataSettings
from edgepack.sources.data.batches import Spool, comes_in_pieces
from edgepack.sources.data.dataset import Dataset
from edgepack.sources.data.load import load_given
from edgepack.sources.data.npz import read_arrays
from edgepack.sources.data.python_data import read_result
from edgepack.sources.data.raw import RawData
from edgepack.sources.keras.build import checked_model
from edgepack.sources.keras.files import OpenedModel
from edgepack.sources.keras.frameworks import versions
from edgepack.sources.keras.own_layers import registered
from edgepack.sources.keras.store import content_hash, store_model
from edgepack.sources.model import SourceModel, read_index, stored_keras

_VERSION = 3
_WHERE = "the given data"


def load_given_model(model: Any, folder: Path, cache: Cache, progress: Progress) -> SourceModel:
    """A Keras model of either generation, stored as a Keras 2 .h5 in the cache; the model itself is left as it is.

    Layers of the user's own must be registered with Keras (`register_keras_serializable`), so that they can be opened again.

    Args:
        model: A built tf_keras.Model or keras.Model, or a function without arguments that returns one.
        folder: The folder of the run, which paths are relative to.

    Raises:
        ModelError: EP-228, EP-234 and EP-223 for what is no Keras model that can be used; EP-224, EP-229 and EP-233 when it
            cannot be stored.
    """
    if callable(model) and not hasattr(model, "get_weights"):
        opened = checked_model(model(), f"{getattr(model, '__name__', 'the function')}()")
    elif hasattr(model, "get_weights"):
        opened = checked_model(model, "the script")
    else:
        hint = "give a tf_keras.Model, a keras.Model, or a function that returns one"
        raise ModelError("EP-228", f"model is {type(model).__name__}, not a Keras model", hint)
    inputs = {"version": _VERSION, "versions": versions(), "given": _identity(opened.model)}

    def compute(target: Path) -> None:
        with progress.stage("Loading the model", str(opened.model.name)) as task:
            _store(opened, target)
            task.finish(f"{read_index(target)['parameters']:,} parameters")

    return stored_keras(cache.stage("model", inputs, compute).folder, folder.resolve(), trained=True)


def _store(opened: OpenedModel, target: Path) -> None:
    """`store_model`, with the classes that were registered with Keras; who gives an object has no CUSTOM_OBJECTS."""
    try:
        store_model(opened, registered(), None, target, f"model {opened.model.name}")
    except UnknownLayer as error:
        hint = "register the class before the model is built: @tf_keras.saving.register_keras_serializable()"
        raise ModelError(error.code, str(error), hint) from error


def load_given_data(data: Any, settings: DataSettings, cache: Cache, progress: Progress, ready: bool = False) -> Dataset:
    """Arrays or what comes in pieces, split, checked and stored as a project's data is.

    Args:
        data: `(x_train, y_train, x_test, y_test)`; `((x_train, y_train), (x_test, y_test))` as keras.datasets gives it; `(x, y)`,
            of which a test split is cut; or a dict, with the keys of a project's `load` function ("train", "test", …) or the
            names of an .npz ("x_train", "y_train", …). Arrays have their examples first. In place of a pair (x, y): a
            tf.data.Dataset, a Keras Sequence or PyDataset, or a generator of such pairs; of two, the second is the test split, of
            three the second is validation.
        ready: The model is ready: test examples alone will do.

    Raises:
        DataError: EP-303 and EP-306 for another form, EP-308 for what is no array of numbers, EP-305 when a generator fails,
            EP-324 when it does not end; and as `load_given` says.
    """
    try:
        raw = _read(data, Spool(cache.folder, settings.max_unpacked))
    except EdgepackError:
        raise
    except Exception as error:
        text = f"{_WHERE} failed: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise DataError("EP-305", text, "correct what gives the data") from error
    return load_given({"given": _digest(raw)}, raw, settings, cache, progress, ready)


def _read(data: Any, spool: Spool) -> RawData:
    given = data if isinstance(data, (tuple, list)) else (data,)
    if 0 < len(given) <= 3 and all(map(comes_in_pieces, given)):
        splits = (("train",), ("train", "test"), ("train", "validation", "test"))[len(given) - 1]
        return read_result(dict(zip(splits, given, strict=True)), _WHERE, spool)
    if isinstance(data, Mapping):
        names = {str(key).lower(): value for key, value in data.items()}
        if "train" in names or not all(isinstance(value, np.ndarray) for value in names.values()):
            return read_result(data, _WHERE, spool)
        return read_arrays(names, _WHERE)
    if isinstance(data, tuple | list):
        pairs = all(isinstance(part, tuple | list) and len(part) == 2 for part in data)
        if len(data) == 2 and pairs:
            return read_result({"train": tuple(data[0]), "test": tuple(data[1])}, _WHERE, spool)
        if len(data) == 2:
            return read_result({"train": tuple(data)}, _WHERE, spool)
        if len(data) == 4:
            return read_result({"train": tuple(data[:2]), "test": tuple(data[2:])}, _WHERE, spool)
    return read_result(data, _WHERE, spool)


def _digest(raw: RawData) -> str:
    """What the arrays hold, and how they are split."""
    digest = hashlib.sha256(hash_of([raw.class_names, raw.preprocessing, raw.input_names]).encode())
    for name, split in sorted(raw.splits.items()):
        for array in (*split.inputs, split.labels, split.rows):
            values = np.ascontiguousarray(np.zeros(0) if array is None else array)
            digest.update(f"{name} {values.dtype.str} {values.shape}".encode())
            digest.update(values.data.cast("B") if values.size else b"")
    return digest.hexdigest()


def _identity(model: Any) -> str:
    """Layers and weights, and which generation of Keras they belong to."""
    try:
        return hash_of([type(model).__module__.partition(".")[0], content_hash(model)])
    except (NotImplementedError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        hint = "build it with the functional API of plain layers, or give your layers a get_config() of plain values"
        raise ModelError("EP-224", f"model {model.name}: a layer cannot be stored: {reason}", hint) from error
