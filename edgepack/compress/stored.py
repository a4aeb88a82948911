"""Writing and opening the Keras models between steps, with everything that Keras must know by name to open them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgepack.compress.keras.models import import_tfmot
from edgepack.compress.quantization.fake_quant import custom_objects
from edgepack.compress.results import Compressed
from edgepack.sources import open_keras
from edgepack.sources.keras.custom_objects import load_custom_objects
from edgepack.sources.keras.own_layers import completed, registered
from edgepack.sources.keras.store import content_hash, save_h5

if TYPE_CHECKING:
    from edgepack.sources import SourceModel


def known_objects(source: SourceModel) -> AbstractContextManager[Any]:
    """A block in which TF-MOT's layers, ours, and the user's own layers and functions, are known to Keras by name."""
    scope: AbstractContextManager[Any] = import_tfmot().quantization.keras.quantize_scope(
        custom_objects() | completed(registered() | load_custom_objects(source.custom_objects, source.folder))
    )
    return scope


def store_model(model: Any, file: Path) -> str:
    """Write `model` as .h5 without its optimiser; returns the SHA-256 of its layers and weights."""
    save_h5(model, file)
    return content_hash(model)


def open_stored(source: SourceModel, file: Path) -> Any:
    """The model that `store_model` wrote; custom layers come from where the source has them."""
    with known_objects(source):
        return open_keras(replace(source, file=file))


def open_compressed(compressed: Compressed) -> Any:
    """The Keras model of a compression, with TF-MOT's quantization layers when it was trained with them."""
    return open_stored(compressed.source, compressed.file)
