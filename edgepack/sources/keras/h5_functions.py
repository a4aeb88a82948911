"""Functions of the user's own in a Keras 2 .h5 (`activation=mish`): Keras writes them in a form that it does not read again."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgepack.sources.keras.frameworks import import_h5py


@contextmanager
def readable_functions(file: Path) -> Iterator[Any]:
    """What `load_model` is to be given for a .h5: the file, or a copy in memory in which functions stand by their names.

    Keras 2 writes {"class_name": "function", "config": name} for a function; its reader of .h5 looks for a class "function", but
    takes a name. The file stays as it is.
    """
    h5py = import_h5py()
    with h5py.File(file, "r") as stored:
        config = json.loads(stored.attrs.get("model_config", "null"))
    named = _by_name(config)
    if named == config:
        yield file
        return
    with h5py.File(io.BytesIO(file.read_bytes()), "r+") as copy:
        copy.attrs["model_config"] = json.dumps(named)
        yield copy


def _by_name(value: Any) -> Any:
    if isinstance(value, list):
        return [_by_name(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "function" and isinstance(value.get("config"), str):
        return value["config"]
    return {key: _by_name(item) for key, item in value.items()}
