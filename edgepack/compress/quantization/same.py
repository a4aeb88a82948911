"""Whether a wrapped model still computes what the model computes, layer by layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.keras.kernels import wrapped_layer
from edgepack.compress.keras.wiring import Wiring, results
from edgepack.ground.errors import RecipeError
from edgepack.sources.keras.compare import ask
from edgepack.sources.keras.frameworks import import_tf_keras

# Of a tensor's largest value. Both run the same operators on the same weights, so that only a separable convolution, which TF-MOT
# takes apart, differs at all, by rounding.
_TOLERANCE = 1e-3

Results = dict[tuple[str, int], NDArray[np.float64]]


def check_same(model: Any, wrapped: Any) -> None:
    """Run both flat models, the wrapped one without fake quantization, on a few random inputs and compare every layer's result.

    A layer whose result is another one each time is left out.

    Raises:
        RecipeError: EP-416 naming the first layer that differs, in the order of computation.
    """
    asked = ask(model)
    if asked is None:
        return
    inputs, _ = asked
    wanted, found = _results(model, inputs), _results(wrapped, inputs)
    apart = {key: difference for key in wanted if key in found and (difference := _apart(wanted[key], found[key])) > _TOLERANCE}
    if not apart:
        return
    again = _results(model, inputs)
    for (name, _), difference in apart.items():
        if all(_apart(wanted[key], again[key]) <= _TOLERANCE for key in wanted if key[0] == name):
            raise RecipeError(
                "EP-416",
                f"quantize: the copy of layer {name} for aware training computes something else, apart by {difference:.2g} of "
                "its largest value",
                "set aware = false, and please report it with the model",
            )


def _results(model: Any, inputs: list[NDArray[Any]]) -> Results:
    """What every layer computes, by its name and the number of the result among all of its calls."""
    keras = import_tf_keras()
    tensors: dict[tuple[str, int], Any] = {}
    counts: dict[str, int] = {}
    for node in Wiring(model).nodes:
        name = wrapped_layer(node.layer).name
        for tensor in results(node):
            tensors[name, counts.get(name, 0)] = tensor
            counts[name] = counts.get(name, 0) + 1
    values = keras.Model(model.inputs, list(tensors.values()))(inputs if len(inputs) > 1 else inputs[0], training=False)
    flat = values if isinstance(values, list) else [values]
    return {key: np.asarray(value, np.float64) for key, value in zip(tensors, flat, strict=True)}


def _apart(wanted: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    """The largest difference as a share of the largest value wanted; infinite where shapes differ or a number is missing."""
    if wanted.shape != found.shape:
        return float("inf")
    known = np.isfinite(wanted)
    largest = float(np.abs(wanted[known]).max(initial=1e-6))
    difference = np.abs(wanted[known] - found[known]).max(initial=0.0) / largest
    return float(difference) if np.isfinite(difference) else float("inf")
