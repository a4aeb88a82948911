"""Whether two models of either Keras generation compute the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SEED = 20
# Outputs below this count as this, so that rounding around zero is no difference.
_SMALLEST = 1e-3
# For an open dimension (a length, a height): the smallest of these that the model accepts.
_OPEN_SIZES = (32, 64, 128, 224)


def largest_difference(first: Any, second: Any) -> float | None:
    """The largest difference between two models' outputs for the same seeded random inputs, as a share of the largest output.

    None when `first` accepts none of the inputs that were tried (text, or an open dimension that wants another size).
    """
    asked = ask(first)
    if asked is None:
        return None
    inputs, wanted = asked
    found = outputs_of(second, inputs)
    if [value.shape for value in wanted] != [value.shape for value in found]:
        return float("inf")
    scale = max(_SMALLEST, *(float(np.max(np.abs(value), initial=0.0)) for value in wanted))
    return max(float(np.max(np.abs(one - two), initial=0.0)) for one, two in zip(wanted, found, strict=True)) / scale


def ask(model: Any) -> tuple[list[NDArray[Any]], list[NDArray[Any]]] | None:
    """Four seeded random examples for each input of a model, and its outputs for them; None when it accepts none that were tried.

    Inputs of integer type and those of embeddings get 0 and 1, and so do the others where normal random numbers are refused. In a
    model with a Masking layer some time steps get the value that is masked.
    """
    if any("string" in str(tensor.dtype) for tensor in model.inputs):
        return None
    indices, masked = _embedded(model), _masked_values(model)
    for size in _OPEN_SIZES:
        for whole in (False, True):
            inputs = [_sample(tensor, size, whole or tensor.name in indices) for tensor in model.inputs]
            for value in masked:
                inputs = [_masked(array, value) for array in inputs]
            try:
                return inputs, outputs_of(model, inputs)
            except Exception:
                continue
    return None


def _embedded(model: Any) -> set[str]:
    """The names of inputs that an Embedding takes: all inputs, where one takes a tensor within or of unknown origin."""
    kinds = [layer for layer in model._flatten_layers(include_self=False) if type(layer).__name__ == "Embedding"]
    taken = [{tensor.name for tensor in _inputs_of(layer)} for layer in kinds]
    inputs = {tensor.name for tensor in model.inputs}
    return set().union(*taken) if all(names and names <= inputs for names in taken) else inputs


def _inputs_of(layer: Any) -> list[Any]:
    try:
        return _flat(layer.input)
    except (AttributeError, ValueError):  # called more than once, or within a model that is called
        return []


def _masked_values(model: Any) -> list[float]:
    return [layer.mask_value for layer in model._flatten_layers(include_self=False) if type(layer).__name__ == "Masking"]


def _masked(array: NDArray[Any], value: float) -> NDArray[Any]:
    """Sequences with masked steps at the end, at the start and in between."""
    if array.ndim > 2 and array.dtype.kind == "f":
        steps = array.shape[1]
        array[0, -(steps // 3) :] = array[1, : steps // 2] = array[2, steps // 2] = value
    return array


def _sample(tensor: Any, size: int, indices: bool = False) -> NDArray[Any]:
    random = np.random.default_rng(_SEED)
    shape = (4, *(size if length is None else length for length in tuple(tensor.shape)[1:]))
    name = tensor.dtype if isinstance(tensor.dtype, str) else tensor.dtype.name
    if "float" in name and not indices:
        return random.standard_normal(shape).astype(name if name != "bfloat16" else "float32")
    return random.integers(0, 2, shape).astype(name if name != "bfloat16" else "float32")


def outputs_of(model: Any, inputs: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """A model's outputs for `inputs`, both as flat lists; dicts in the order of their keys."""
    structure = getattr(model, "_inputs_struct", None)
    given: Any = inputs
    if structure is not None:  # Keras 3
        import keras

        given = keras.tree.pack_sequence_as(structure, inputs)
    elif isinstance(getattr(model, "input", None), dict):
        given = dict(zip(model.input_names, inputs, strict=True))
    elif len(inputs) == 1:
        given = inputs[0]
    return [np.asarray(value, np.float32) for value in _flat(model(given, training=False))]


def _flat(structure: Any) -> list[Any]:
    if isinstance(structure, dict):
        return [value for key in sorted(structure) for value in _flat(structure[key])]
    if isinstance(structure, list | tuple):
        return [value for part in structure for value in _flat(part)]
    return [structure]
