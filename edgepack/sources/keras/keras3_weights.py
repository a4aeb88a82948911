"""Weights from a Keras 3 model to the Keras 2 model rebuilt from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from edgepack.sources.keras.config import no_counterpart


def copy_weights(source: Any, target: Any, where: str) -> None:
    """Copy the weights of a Keras 3 model into the Keras 2 model rebuilt from it, layer by layer.

    Raises:
        ModelError: EP-232 when a layer's weights differ in number or shape between the two.
    """
    for layer in source.layers:
        values = list(_variables3(layer))
        if not values:
            continue
        slots = list(_variables2(target.get_layer(layer.name)))
        shapes = [tuple(value.shape) for value in values]
        if shapes != [tuple(slot.shape) for slot in slots[: len(shapes)]] or any(
            slot.shape.rank for slot in slots[len(shapes) :]
        ):
            raise no_counterpart(f"layer {layer.name} ({type(layer).__name__}, weights {shapes})", where)
        for slot, value in zip(slots, values, strict=False):
            slot.assign(np.asarray(value.numpy() if hasattr(value, "numpy") else value, dtype=slot.dtype.as_numpy_dtype))
        _finish(target.get_layer(layer.name))


def _variables3(layer: Any) -> Iterator[Any]:
    """A Keras 3 layer's own variables, then those of its parts in the order they were made."""
    if hasattr(layer, "layers"):
        for part in layer.layers:
            yield from _variables3(part)
        return
    yield from layer._trainable_variables + layer._non_trainable_variables
    for part in layer._layers:
        yield from _variables3(part)


def _variables2(layer: Any) -> Iterator[Any]:
    """The same for Keras 2."""
    if hasattr(layer, "layers"):
        for part in layer.layers:
            yield from _variables2(part)
        return
    yield from layer._trainable_weights + layer._non_trainable_weights
    for part in layer._flatten_layers(recursive=False, include_self=False):
        yield from _variables2(part)


def _finish(layer: Any) -> None:
    """Let a Normalization layer take over the mean and variance it was given."""
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()
