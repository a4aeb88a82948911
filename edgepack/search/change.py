"""Weights changed as a recipe would, without its training: zeros, shared values, few bits; of kernels, and of a .tflite's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.quantization.lowbit import GRIDS, best_scales, round_to
from edgepack.compress.weights.kmeans import share_values
from edgepack.flatbuffer import Operator, Tensor, operator_layer, read_model, result_names
from edgepack.flatbuffer.rewrite.objects import pack, unpack
from edgepack.flatbuffer.traits import traits_of
from edgepack.search.choices import Level, Stored

Rows = NDArray[np.float32]
Largest = Mapping[str, Sequence[Sequence[float]]]

_SEVERAL = ("UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM", "SVDF")


def changed_rows(rows: Rows, stored: Stored, level: Level) -> Rows:
    """A kernel (output channels, weights of a channel) with its smallest weights zero, then its values shared or of few bits."""
    found = with_zeros(rows, stored.sparsity)
    if not stored.special:
        return found
    if level.clusters:
        return _shared(found, level.clusters, bool(stored.sparsity))
    grid = GRIDS[level.weights]
    return round_to(found, best_scales(found, grid), grid)


def with_zeros(rows: Rows, share: float) -> Rows:
    """The smallest weights of a kernel zeroed, as many as TF-MOT does: it keeps round(size * (1 - share)), at least one."""
    count = rows.size - max(1, int(np.rint(np.float32(rows.size) * np.float32(1 - share))))
    if not share or count <= 0:
        return rows
    found = rows.copy()
    found.reshape(-1)[np.argsort(np.abs(rows), axis=None, kind="stable")[:count]] = 0
    return found


def changed(content: bytes, treatments: Mapping[str, Stored], level: Level, largest: Largest, balanced: bool = False) -> bytes:
    """An int8 .tflite with the weights of layers changed, its scales and biases with them: what a design would give untrained.

    Where weights are shared, every kernel has one scale for all its channels, as `recipe_of` asks for.

    `treatments` go by Keras layers; others stay as they are. `largest` has the largest weight of each output channel in Keras,
    for a BatchNorm folded into a kernel scales its channels, and what is small or equal is decided before that.

    With `balanced`, the biases of pruned channels become as much smaller as their weights together. Under its old bias a channel
    with few weights left often is dead, and the compiler would leave it out; training brings such channels back.
    """
    model, objects = read_model(content), unpack(content)
    results = result_names(model)
    done: set[int] = set()
    for graph, written in zip(model.subgraphs, objects.subgraphs, strict=True):
        for operator in graph.operators:
            name = layer_of(operator_layer(graph, operator, results), treatments)
            stored = treatments.get(name, Stored())
            if stored == Stored() and not level.clusters:
                continue
            if operator.name == "DEPTHWISE_CONV_2D":  # the depthwise half of a separable one is not pruned either
                stored = Stored(0.0, stored.special)
            bias = traits_of(operator.name).bias
            bias_index = operator.inputs[bias] if 0 <= bias < len(operator.inputs) else -1
            for index in _weights(operator, graph.tensors):
                tensor = graph.tensors[index]
                if tensor.buffer in done:
                    continue
                done.add(tensor.buffer)
                rows = _rows(tensor)
                whole = tensor.quantization is None or not tensor.quantization.per_channel
                codes, ratios = _codes(rows, _fitting(len(rows), largest.get(name, ())), stored, level, whole)
                objects.buffers[tensor.buffer].data = np.frombuffer(_unrows(tensor, codes).tobytes(), np.uint8)
                if ratios is not None:
                    _rescale(objects, written, index, bias_index, ratios)
                if balanced and stored.sparsity:
                    _balance(objects, written, bias_index, rows, codes * (1 if ratios is None else ratios))
    return pack(objects)


def layer_of(name: str, known: Mapping[str, object]) -> str:
    """The Keras layer that an operator's layer is a part of, as one step of a recurrent layer is."""
    return name if name in known else name.split("/")[0]


def _shared(rows: Rows, count: int, keep_zero: bool) -> Rows:
    rng = np.random.default_rng(0)
    return share_values(rows.reshape(1, -1), count, "density", keep_zero, rng).reshape(rows.shape)


def _weights(operator: Operator, tensors: Sequence[Tensor]) -> list[int]:
    """The operator's int8 tensors of weights."""
    place = traits_of(operator.name).weights
    found = operator.inputs if operator.name in _SEVERAL else operator.inputs[place : place + 1] if place >= 0 else ()
    return [
        index
        for index in found
        if index >= 0
        and tensors[index].data is not None
        and tensors[index].dtype == "int8"
        and len(tensors[index].shape) > 1
        and tensors[index].quantization is not None
    ]


def _axis(tensor: Tensor) -> int:
    quantization = tensor.quantization
    return quantization.axis if quantization is not None and quantization.per_channel else 0


def _rows(tensor: Tensor) -> Rows:
    moved = np.moveaxis(np.asarray(tensor.data), _axis(tensor), 0)
    return np.ascontiguousarray(moved.reshape(len(moved), -1)).astype(np.float32)


def _unrows(tensor: Tensor, rows: NDArray[np.int8]) -> NDArray[np.int8]:
    axis, shape = _axis(tensor), tensor.shape
    moved = rows.reshape(shape[axis], *shape[:axis], *shape[axis + 1 :])
    return np.ascontiguousarray(np.moveaxis(moved, 0, axis))


def _fitting(channels: int, largest: Sequence[Sequence[float]]) -> Rows:
    """Keras' largest weight of each channel, as a column; ones where no kernel of the layer has as many channels."""
    for found in largest:
        if len(found) == channels:
            return np.asarray(found, np.float32).reshape(-1, 1)
    return np.ones((channels, 1), np.float32)


def _codes(rows: Rows, factors: Rows, stored: Stored, level: Level, whole: bool) -> tuple[NDArray[np.int8], Rows | None]:
    """New codes, and by how much each channel's scale grows, that of all with `whole`; None where the scales stay."""
    factors = np.ones_like(factors) if whole else np.where(factors > 0, factors, 1)
    few = stored.special and not level.clusters
    real = changed_rows(rows * factors, Stored(stored.sparsity, stored.special and not few), level)
    if level.clusters:
        largest = max(float(np.abs(real).max()), 1e-12) / 127
        ratios = np.full((1, 1), largest, np.float32) if whole else largest / factors
        return np.rint(real / largest).astype(np.int8), ratios
    real = real / factors
    if not few:
        return np.clip(np.rint(real), -127, 127).astype(np.int8), None
    grid = GRIDS[level.weights]
    lines = real.reshape(1, -1) if whole else real
    scales = best_scales(lines, grid)
    levels = np.rint(round_to(lines, scales, grid) / scales).reshape(real.shape)
    return (levels * grid.step).astype(np.int8), scales / grid.step


def _rescale(objects: Any, graph: Any, weights: int, bias: int, ratios: Rows) -> None:
    """Scales of the weights times `ratios`, one for each that there is, and the bias in these units."""
    factor, quantization = ratios.reshape(-1).astype(np.float64), graph.tensors[weights].quantization
    quantization.scale = (np.asarray(quantization.scale, np.float64) * factor).astype(np.float32)
    tensor = graph.tensors[bias] if bias >= 0 else None
    if tensor is None or tensor.quantization is None or tensor.quantization.scale is None:
        return
    _multiply(objects, tensor, 1 / factor)
    tensor.quantization.scale = (np.asarray(tensor.quantization.scale, np.float64) * factor).astype(np.float32)


def _balance(objects: Any, graph: Any, bias: int, before: Rows, after: Rows) -> None:
    """Each channel's bias times what is left of the sum of its weights' sizes."""
    sums = [np.abs(rows.astype(np.float64)).sum(axis=1) for rows in (before, after)]
    if bias >= 0 and objects.buffers[graph.tensors[bias].buffer].data is not None:
        _multiply(objects, graph.tensors[bias], sums[1] / np.maximum(sums[0], 1e-12))


def _multiply(objects: Any, tensor: Any, factor: NDArray[np.float64]) -> None:
    """A bias of 32 bits times `factor`, one number for all or for each channel."""
    values = np.frombuffer(np.asarray(objects.buffers[tensor.buffer].data, np.uint8).tobytes(), "<i4")
    moved = np.clip(np.rint(values * factor), -(2**31) + 1, 2**31 - 1).astype("<i4")
    objects.buffers[tensor.buffer].data = np.frombuffer(moved.tobytes(), np.uint8)
