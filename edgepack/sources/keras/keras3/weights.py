"""Weights from a Keras 3 model to the Keras 2 model rebuilt from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.sources.keras.config import no_counterpart
from edgepack.sources.keras.keras3.recurrent import gate_factors
from edgepack.sources.keras.keras3.substitutes import with_weights


def copy_weights(source: Any, target: Any, where: str) -> None:
    """Copy the weights of a Keras 3 model into the Keras 2 model rebuilt from it, layer by layer.

    Raises:
        ModelError: EP-232 when a layer's weights differ in number or shape between the two.
    """
    for layer in source.layers:
        values = list(_values3(layer))
        if not values:
            continue
        if hasattr(layer, "layers") and layer.name in {one.name for one in target.layers}:
            copy_weights(layer, target.get_layer(layer.name), where)
            continue
        makers = with_weights(layer.name, target)
        slots = [slot for maker in makers for slot in _variables2(maker)]
        shapes = [tuple(value.shape) for value in values]
        fits = [_same(shape, tuple(slot.shape)) for shape, slot in zip(shapes, slots, strict=False)]
        if not all(fits) or len(slots) < len(values) or any(slot.shape.rank for slot in slots[len(shapes) :]):
            raise no_counterpart(f"layer {layer.name} ({type(layer).__name__}, weights {shapes})", where)
        for slot, value in zip(slots, values, strict=False):
            slot.assign(np.asarray(value, dtype=slot.dtype.as_numpy_dtype).reshape(slot.shape))
        for maker in makers:
            _finish(maker)


def _same(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two shapes are the same but for axes of length 1."""
    return [length for length in shape if length != 1] == [length for length in other if length != 1]


def _values3(layer: Any) -> Iterator[NDArray[Any]]:
    """The values of a Keras 3 layer's own variables, then those of its parts in the order they were made."""
    if hasattr(layer, "layers"):
        for part in layer.layers:
            yield from _values3(part)
        return
    factors = gate_factors(layer)
    for variable in layer._trainable_variables + layer._non_trainable_variables:
        value = np.asarray(variable.numpy() if hasattr(variable, "numpy") else variable)
        yield value if factors is None else value * factors
    for part in layer._layers:
        yield from _values3(part)


def _variables2(layer: Any) -> Iterator[Any]:
    """The variables of a Keras 2 layer in the same order."""
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
