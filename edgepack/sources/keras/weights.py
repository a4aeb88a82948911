"""Loading weights into a built model: from a Keras model file of either generation, or a file of weights alone."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import ModelError, UnknownLayer
from edgepack.ground.scratch import scratch_folder
from edgepack.sources.keras.containers import check_container
from edgepack.sources.keras.files import file_kind, open_model
from edgepack.sources.keras.frameworks import import_h5py
from edgepack.sources.keras.keras3.rebuild import rebuild

# Where .weights.h5 keeps the layers; beside them are optimisers and metrics.
_LAYER_GROUPS = ("layers/", "_layer_checkpoint_dependencies/")


@dataclass(frozen=True)
class LayerWeights:
    """A layer's name and its weights, in Keras 2's order."""

    layer: str
    values: tuple[NDArray[Any], ...]


@dataclass(frozen=True)
class Donor:
    """The weights of a whole model in a file; `notes` say what a user should know of its opening."""

    layers: tuple[LayerWeights, ...]
    notes: tuple[str, ...] = ()


OpenDonor = Callable[[Path, Mapping[str, Any]], Donor]


def open_donor(file: Path, custom_objects: Mapping[str, Any], trust: bool = False) -> Donor:
    """The weights of the model in a .keras file or a SavedModel; `trust` and errors as for `open_model`."""
    opened = open_model(file, custom_objects, trust)
    model = opened.model if opened.generation == 2 else rebuild(opened.model, file.name, custom_objects)
    return Donor(tuple(LayerWeights(layer.name, tuple(layer.get_weights())) for layer in _weighted(model)))


def load_weights(model: Any, file: Path, custom_objects: Mapping[str, Any], open_file: OpenDonor = open_donor) -> tuple[str, ...]:
    """Set the weights of a Keras 2 `model` from `file`; layers are paired in order. `open_file` opens one that is a whole model.

    Returns:
        What a user should know of the opening of `file`.

    Raises:
        ModelError: EP-230, naming the layer, when the weights do not fit; EP-220 … EP-225 and EP-237 as `open_model` says.
    """
    kind = file_kind(file)
    if kind == "h5":
        try:
            check_container(file, kind)
            with import_h5py().File(file, "r") as stored:
                group = stored.get("model_weights", stored)
                if "layer_names" in group.attrs:
                    assign(model, list(_read_legacy(group)), file.name, _trainable_first)
                    return ()
                if any(name.rstrip("/") in group for name in _LAYER_GROUPS):
                    _load_by_object(model, file, _count(stored))
                    return ()
        except OSError as error:
            raise ModelError("EP-221", f"{file.name} is damaged: {error}", "save the weights again") from error
        raise ModelError("EP-222", f"{file.name}: an HDF5 file without Keras weights", "save it with model.save_weights()")
    try:
        donor = open_file(file, custom_objects)
    except UnknownLayer:
        if kind != "keras":
            raise
        _load_member(model, file)
        return ()
    assign(model, donor.layers, file.name, _as_made)
    return donor.notes


def _as_made(layer: Any) -> list[Any]:
    return list(layer.weights)


def _trainable_first(layer: Any) -> list[Any]:
    """The order of the HDF5 layout, which differs from the layers' own for a nested model with batch normalisation."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def assign(model: Any, stored: Sequence[LayerWeights], where: str, order: Callable[[Any], list[Any]]) -> None:
    """Give the layers of `model` that have weights those of `stored`, first to first; `order` lists a layer's variables.

    Raises:
        ModelError: EP-230 when a layer's weights differ in number or shape; nothing is changed then.
    """
    layers = list(_weighted(model))
    given = [entry for entry in stored if entry.values]
    for layer, entry in zip(layers, given, strict=False):
        wanted = [tuple(weight.shape) for weight in order(layer)]
        found = [value.shape for value in entry.values]
        if wanted != found:
            raise _unfitting(
                where, f"layer {layer.name} has weights {_shapes(wanted)}, the file's {entry.layer} {_shapes(found)}"
            )
    if len(layers) != len(given):
        extra = layers[len(given)].name if len(layers) > len(given) else given[len(layers)].layer
        side = "the file has none for" if len(layers) > len(given) else "the model has no place for"
        raise _unfitting(where, f"{len(layers)} layers of the model have weights, {len(given)} of the file; {side} {extra}")
    for layer, entry in zip(layers, given, strict=True):
        for variable, value in zip(order(layer), entry.values, strict=True):
            variable.assign(value)


def _weighted(model: Any) -> Iterator[Any]:
    return (layer for layer in model.layers if layer.weights)


def _read_legacy(group: Any) -> Iterator[LayerWeights]:
    """The layers of the HDF5 layout that Keras 1 and 2 write, and Keras 3 for .h5."""
    for name in group.attrs["layer_names"]:
        layer = group[_text(name)]
        names = layer.attrs["weight_names"]
        yield LayerWeights(_text(name), tuple(np.asarray(layer[_text(weight)]) for weight in names))


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _count(group: Any) -> int:
    """How many numbers the layers of an HDF5 group hold, without the states of random number generators."""
    sizes: list[int] = []

    def add(name: str, item: Any) -> None:
        if hasattr(item, "shape") and name.startswith(_LAYER_GROUPS) and "seed_generator" not in name:
            sizes.append(int(item.size))

    group.visititems(add)
    return sum(sizes)


def _load_member(model: Any, file: Path) -> None:
    """The weights within a .keras file whose layers cannot be opened, because their classes are of the other generation."""
    with scratch_folder() as scratch, zipfile.ZipFile(file) as archive:
        weights = Path(archive.extract("model.weights.h5", scratch))
        with import_h5py().File(weights, "r") as stored:
            count = _count(stored)
        _load_by_object(model, weights, count)


def _load_by_object(model: Any, file: Path, stored: int) -> None:
    """The layout of .weights.h5, which both generations write: groups named by layer class and number."""
    wanted = sum(int(np.prod(weight.shape)) for weight in model.weights)
    if wanted != stored:
        raise _unfitting(file.name, f"it holds {stored:,} numbers, the model has {wanted:,} weights")
    try:
        model.load_weights(file)
    except (ValueError, KeyError) as error:
        text = " ".join(str(error).split())
        raise _unfitting(file.name, text[text.find("Layer ") :][:250] if "Layer " in text else text[:250]) from error


def _unfitting(where: str, text: str) -> ModelError:
    return ModelError("EP-230", f"{where} does not fit the model: {text}", "build the model that the weights were trained with")


def _shapes(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join("x".join(map(str, shape)) or "scalar" for shape in shapes) or "none"
