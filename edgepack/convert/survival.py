"""Checking that what pruning zeroed is zero in the .tflite, layer by layer and weight by weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.int8 import channels_first
from edgepack.compress.zeros import Kernel, kernels
from edgepack.errors import ConvertError
from edgepack.flatbuffer import Model, Tensor


@dataclass(frozen=True)
class LayerZeros:
    """A Keras layer's zeros before and after conversion: `pruned` of `weights` were zero in Keras, `zeros` are in the .tflite.

    More than `pruned` when small weights round to zero. `found` is false where the converter has rearranged the weights so
    that they cannot be matched.
    """

    layer: str
    weights: int
    pruned: int
    zeros: int
    found: bool


def check_zeros(model: Any, converted: Model) -> tuple[LayerZeros, ...]:
    """Compare every kernel of a Keras model with the .tflite's weights.

    A kernel is matched by its shape and by where its zeros are: names do not survive the converter's fusing and merging, and no
    other tensor of the same shape has its zeros in the same places.

    Raises:
        ConvertError: EP-454 naming the layer whose zeros were lost.
    """
    constants = [
        tensor
        for graph in converted.subgraphs
        for tensor in graph.tensors
        if tensor.data is not None and tensor.dtype in ("int8", "int4", "float16", "float32") and len(tensor.shape) >= 2
    ]
    layers: dict[str, LayerZeros] = {}
    for kernel in kernels(model):
        result = _compare(kernel, constants)
        before = layers.get(kernel.layer)
        if before is not None:
            result = LayerZeros(
                kernel.layer,
                before.weights + result.weights,
                before.pruned + result.pruned,
                before.zeros + result.zeros,
                before.found and result.found,
            )
        layers[kernel.layer] = result
    return tuple(layers.values())


def _compare(kernel: Kernel, constants: list[Tensor]) -> LayerZeros:
    values = channels_first(kernel.kind, kernel.name, kernel.values)
    zero = values == 0
    pruned = int(zero.sum())
    best: NDArray[np.bool_] | None = None
    score = (-1, -1)
    for tensor in constants:
        empty = _zeros_as_rows(tensor, kernel)
        if empty is None:
            continue
        # First the zeros that survived, then how well the other weights agree about being zero.
        candidate = (int((empty & zero).sum()), int((empty == zero).sum()))
        if candidate > score:
            best, score = empty, candidate
    if best is None:
        return LayerZeros(kernel.layer, values.size, pruned, 0, False)
    if score[0] < pruned:
        raise ConvertError(
            "EP-454",
            f"layer {kernel.layer}: of {pruned} pruned weights only {score[0]} are zero in the .tflite",
            "quantize with aware = true, which keeps zeros; if it was, report this",
        )
    return LayerZeros(kernel.layer, values.size, pruned, int(best.sum()), True)


def _zeros_as_rows(tensor: Tensor, kernel: Kernel) -> NDArray[np.bool_] | None:
    """Where a tensor stands for zero, as (output channels, weights) like the kernel's rows; None when its shape is another.

    Weights are symmetric, so that the code of zero is 0, but for embedding tables, which have a zero point.
    """
    assert tensor.data is not None
    if _squeezed(tensor.shape) != _squeezed(_stored_shape(kernel)):
        return None
    points = tensor.quantization.zero_points if tensor.quantization is not None else (0,)
    zero: NDArray[np.bool_] = np.asarray(tensor.data == (points[0] if len(points) == 1 else 0))
    if kernel.name == "depthwise_kernel":
        return np.ascontiguousarray(zero.reshape(-1, tensor.shape[-1]).T)
    return zero.reshape(len(channels_first(kernel.kind, kernel.name, kernel.values)), -1)


def _stored_shape(kernel: Kernel) -> tuple[int, ...]:
    """The shape that TFLite stores a kernel in, apart from dimensions of 1."""
    shape = kernel.values.shape
    if kernel.name == "depthwise_kernel":
        return (*shape[:-2], shape[-2] * shape[-1])
    if kernel.kind.endswith("Transpose"):
        return (shape[-2], *shape[:-2], shape[-1])
    if kernel.name == "embeddings":
        return shape
    return (shape[-1], *shape[:-1])


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)
