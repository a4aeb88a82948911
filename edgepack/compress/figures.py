"""What a step table says of a model: parameters, zeros, distinct codes, sizes, multiply-accumulates."""

from __future__ import annotations

import math
import zlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edgepack.compress.keras.kernels import kernels, layer_variables, weight_name, wrapped_layer
from edgepack.compress.keras.macs import model_macs
from edgepack.compress.quantization.int8 import code_entropy, int8_codes, most_distinct
from edgepack.compress.results import LayerWeights


@dataclass(frozen=True)
class Figures:
    """The numbers of a `StepResult` that depend on the model alone; see there for their meaning."""

    parameters: int
    zeros: int
    sparsity: float
    distinct: int
    float_bytes: int
    int8_bytes: int
    deflated_bytes: int
    macs: int
    entropy: float
    layers: tuple[LayerWeights, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Figures:
        """The inverse of `to_json`."""
        return cls(**{**stored, "layers": tuple(LayerWeights(**layer) for layer in stored["layers"])})


def figures(model: Any) -> Figures:
    """The figures of a flat Keras model, with or without TF-MOT's quantization wrappers."""
    layers: dict[str, LayerWeights] = {}
    deflated = weights = zeros = 0
    bits = 0.0
    for kernel in kernels(model):
        values = kernel.values
        codes = int8_codes(kernel.kind, kernel.name, values)
        empty = int(values.size - np.count_nonzero(values))
        weights, zeros = weights + values.size, zeros + empty
        deflated += len(zlib.compress(codes.tobytes(), 9))
        carried = code_entropy(codes) * codes.size
        bits += carried
        before = layers.get(kernel.layer, LayerWeights(kernel.layer, kernel.kind, 0, 0, 0, 0))
        layers[kernel.layer] = LayerWeights(
            kernel.layer,
            kernel.kind,
            before.weights + values.size,
            before.zeros + empty,
            max(before.distinct, most_distinct(codes)),
            (before.entropy_bytes or 0) + math.ceil(carried / 8),
        )
    parameters = sum(int(np.prod(shape)) for shape in _variable_shapes(model))
    bias_bytes = 4 * _biases(model)
    return Figures(
        parameters=parameters,
        zeros=zeros,
        sparsity=zeros / weights if weights else 0.0,
        distinct=max((layer.distinct for layer in layers.values()), default=0),
        float_bytes=4 * parameters,
        int8_bytes=weights + bias_bytes,
        deflated_bytes=deflated + bias_bytes,
        macs=model_macs(model),
        entropy=bits / weights if weights else 0.0,
        layers=tuple(layers.values()),
    )


def _variable_shapes(model: Any) -> list[tuple[int, ...]]:
    unique = {id(variable): variable for layer in model.layers for variable in layer_variables(layer)}
    return [tuple(variable.shape) for variable in unique.values()]


def _biases(model: Any) -> int:
    """Biases of a converted model: those of the layers, and one per output channel of what has a BatchNorm after it instead.

    BatchNorm is folded into the layer before it; one that stands alone counts as a scale and an offset per channel.
    """
    total = 0
    for layer in model.layers:
        inner = wrapped_layer(layer)
        if type(inner).__name__ == "BatchNormalization":
            before, channels = _before(layer), int(inner.moving_mean.shape[0])
            total += 2 * channels if before is None else 0 if before.use_bias else channels
        else:
            total += sum(math.prod(found.shape) for found in layer_variables(layer) if "bias" in weight_name(found))
    return total


def _before(layer: Any) -> Any:
    """The layer with a bias of its own (or the option of one) that feeds `layer`, or None."""
    given = layer._inbound_nodes[0].inbound_layers
    if isinstance(given, list):
        return None
    inner = wrapped_layer(given)
    return inner if hasattr(inner, "use_bias") else None
