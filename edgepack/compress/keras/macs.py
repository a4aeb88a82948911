"""Multiply-accumulates of one inference, from the layers' kernels and output shapes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from edgepack.compress.keras.kernels import is_kernel, layer_variables, weight_name, wrapped_layer


def model_macs(model: Any) -> int:
    """Multiply-accumulates of convolutions, dense and recurrent layers and attention projections, for one example.

    A convolution's kernel is applied once an output position (a transposed one's once an input position), a dense kernel once
    a row, a recurrent kernel once a time step. A layer called several times counts each time. Additions, activations, pooling
    and normalisation are left out, as is usual.
    """
    return sum(math.prod(shape) * positions for _, _, shape, positions in applied_kernels(model))


def applied_kernels(model: Any) -> Iterator[tuple[Any, str, tuple[int, ...], int]]:
    """Every kernel of a model: (layer, own name, shape, how often it is applied in one inference)."""
    for layer in model.layers:
        inner = wrapped_layer(layer)
        calls = _calls(model, layer)
        for variable in layer_variables(layer):
            name = weight_name(variable)
            if not is_kernel(variable) or name == "embeddings":
                continue
            shape = tuple(int(size) for size in variable.shape)
            shapes = [(_shape(layer, "input", call), _shape(layer, "output", call)) for call in range(calls)]
            yield inner, name, shape, sum(_positions(type(inner).__name__, name, shape, *pair) for pair in shapes)


def _calls(model: Any, layer: Any) -> int:
    """How often `model` calls `layer`; other models that share the layer do not count."""
    nodes = {id(node) for depth in model._nodes_by_depth.values() for node in depth}
    return sum(id(node) in nodes for node in layer._inbound_nodes)


def _positions(kind: str, name: str, shape: tuple[int, ...], given: tuple[int, ...], produced: tuple[int, ...]) -> int:
    """How often a kernel of `shape` is applied; `given` and `produced` are the layer's shapes without the batch."""
    if "Transpose" in kind:
        return math.prod(given[:-1])
    if "Conv" in kind:
        return math.prod(produced[:-1])
    if kind in ("LSTM", "GRU", "SimpleRNN", "Bidirectional", "RNN"):
        return given[0] if given else 1
    return math.prod(produced[:-1]) if len(produced) > 1 else 1


def _shape(layer: Any, which: str, call: int) -> tuple[int, ...]:
    shape = getattr(layer, f"get_{which}_shape_at")(call)
    first = shape[0] if isinstance(shape, list) else shape
    return tuple(int(size or 1) for size in tuple(first)[1:])
