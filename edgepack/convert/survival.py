"""Checking that zeros, shared weights and low-bit weights are in the .tflite, layer by layer and weight by weight."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.keras.kernels import HEADS, Kernel, kernels
from edgepack.compress.quantization.int8 import channels_first, code_entropy, most_distinct
from edgepack.flatbuffer import Model, Tensor
from edgepack.ground.errors import ConvertError

_LOCAL = frozenset({"LocallyConnected1D", "LocallyConnected2D"})


@dataclass(frozen=True)
class LayerZeros:
    """A Keras layer's zeros before and after conversion: `pruned` of `weights` were zero in Keras, `zeros` are in the .tflite.

    More than `pruned` when small weights round to zero. `values` and `distinct` are the most distinct weights that one output
    channel has in Keras, and the most distinct codes it has in the .tflite. `found` is false where the converter has rearranged
    some of the weights so that they cannot be matched. `zeros` and `distinct` are about the `matched` weights that can, as are
    `bits`, what all of them carry together by Shannon's entropy of their kernel's codes.
    """

    layer: str
    weights: int
    pruned: int
    zeros: int
    found: bool
    values: int = 0
    distinct: int = 0
    matched: int = 0
    bits: float = 0.0


def check_kernels(model: Any, converted: Model, preserved: Collection[str] = ()) -> tuple[LayerZeros, ...]:
    """Compare every kernel of a Keras model with the .tflite's weights; `preserved` is what has to have survived besides zeros.

    A kernel is matched by its shape, by where its zeros are and by the sizes of its other weights: names do not survive the
    converter's fusing and merging.

    Raises:
        ConvertError: EP-454 naming the layer whose zeros were lost; EP-456, with "clusters" or "codes" in `preserved`, naming one
            that has more distinct codes in an output channel than it had distinct weights.
    """
    constants = [
        tensor
        for graph in converted.subgraphs
        for tensor in graph.tensors
        if tensor.data is not None and tensor.dtype in ("int8", "int4", "float16", "float32") and len(tensor.shape) >= 2
    ]
    shared = not {"clusters", "codes"}.isdisjoint(preserved)
    layers: dict[str, LayerZeros] = {}
    for kernel in kernels(model):
        result = _found(kernel, constants)
        before = layers.get(kernel.layer)
        if shared and result.found and result.distinct > result.values:
            raise ConvertError(
                "EP-456",
                f"layer {kernel.layer}: {result.distinct} distinct codes a channel in the .tflite, {result.values} in Keras",
                "please report it with the model and the recipe",
            )
        if before is not None:
            result = _together(before, result)
        layers[kernel.layer] = result
    return tuple(layers.values())


def _found(kernel: Kernel, constants: list[Tensor]) -> LayerZeros:
    """What became of a kernel, which is in the file as one constant or, a GRU's, as two: for the gates and for the state."""
    rows = channels_first(kernel.kind, kernel.name, kernel.values)
    whole = _compare(kernel, rows, [codes for tensor in constants if (codes := _codes_as_rows(tensor, kernel)) is not None])
    if whole.found or kernel.name != "recurrent_kernel":
        return whole
    gates = len(rows) - kernel.values.shape[0]
    parts = [_compare(kernel, part, _plain_rows(constants, part.shape)) for part in (rows[:gates], rows[gates:])]
    return _together(*parts) if all(part.found for part in parts) else whole


def _together(one: LayerZeros, other: LayerZeros) -> LayerZeros:
    return LayerZeros(
        one.layer,
        one.weights + other.weights,
        one.pruned + other.pruned,
        one.zeros + other.zeros,
        one.found and other.found,
        max(one.values, other.values),
        max(one.distinct, other.distinct),
        one.matched + other.matched,
        one.bits + other.bits,
    )


def _compare(kernel: Kernel, values: NDArray[Any], candidates: list[NDArray[Any]]) -> LayerZeros:
    """Rows of a kernel beside the one of the file's constants, as rows, that is most like them."""
    zero = values == 0
    pruned = int(zero.sum())
    sizes = _sizes(values)
    best: NDArray[Any] | None = None
    score = (-1, -math.inf)
    for codes in candidates:
        # First the zeros that survived, then how well the weights agree in size; folding a BatchNorm may turn signs.
        candidate = (int(((codes == 0) & zero).sum()), -float(np.abs(_sizes(codes) - sizes).mean()))
        if candidate > score:
            best, score = codes, candidate
    counted = most_distinct(values)
    if best is None:
        return LayerZeros(kernel.layer, values.size, pruned, 0, False, counted)
    if score[0] < pruned:
        raise ConvertError(
            "EP-454",
            f"layer {kernel.layer}: of {pruned} pruned weights only {score[0]} are zero in the .tflite",
            "quantize with aware = true, which keeps zeros; if it was, report this",
        )
    zeros, bits = int((best == 0).sum()), code_entropy(best) * best.size
    return LayerZeros(kernel.layer, values.size, pruned, zeros, True, counted, most_distinct(best), best.size, bits)


def _sizes(rows: NDArray[Any]) -> NDArray[np.float32]:
    """The sizes of weights or codes, each as a share of the largest of its row."""
    sizes = np.abs(rows.astype(np.float32))
    largest = sizes.max(axis=1, keepdims=True)
    return np.asarray(sizes / np.where(largest == 0, 1, largest))


def _codes_as_rows(tensor: Tensor, kernel: Kernel) -> NDArray[Any] | None:
    """A tensor's codes, with 0 for zero, as (output channels, weights) like the kernel's rows; None when its shape is another."""
    if _squeezed(tensor.shape) != _squeezed(_stored_shape(kernel)):
        return None
    codes = _codes(tensor)
    if kernel.name == "depthwise_kernel":
        return np.ascontiguousarray(codes.reshape(-1, tensor.shape[-1]).T)
    if kernel.kind in _LOCAL:
        return channels_first(kernel.kind, kernel.name, codes.reshape(kernel.values.shape))
    return codes.reshape(len(channels_first(kernel.kind, kernel.name, kernel.values)), -1)


def _plain_rows(constants: list[Tensor], shape: tuple[int, ...]) -> list[NDArray[Any]]:
    return [_codes(tensor) for tensor in constants if tensor.shape == shape]


def _codes(tensor: Tensor) -> NDArray[Any]:
    """Weights are symmetric, so that the code of zero is 0, but for embedding tables, which have a zero point."""
    points = tensor.quantization.zero_points if tensor.quantization is not None else (0,)
    codes = np.asarray(tensor.data)
    return codes.astype(np.int32) - (points[0] if len(points) == 1 else 0) if np.issubdtype(codes.dtype, np.integer) else codes


def _stored_shape(kernel: Kernel) -> tuple[int, ...]:
    """The shape that TFLite stores a kernel in, apart from dimensions of 1."""
    shape = kernel.values.shape
    if kernel.name == "depthwise_kernel":
        return (*shape[:-2], shape[-2] * shape[-1])
    if kernel.kind.endswith("Transpose"):
        return (shape[-2], *shape[:-2], shape[-1])
    if kernel.name == "embeddings" or kernel.kind in _LOCAL:
        return shape
    if kernel.kind in ("EinsumDense", HEADS):
        return channels_first(kernel.kind, kernel.name, kernel.values).shape
    return (shape[-1], *shape[:-1])


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)
