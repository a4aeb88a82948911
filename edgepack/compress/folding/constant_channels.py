"""Channels whose value is the same for every input: what a pruned filter, a BatchNorm scale of zero or a dead ReLU leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.folding.fold_batchnorm import affine
from edgepack.compress.keras.layer_kinds import (
    CONVOLUTIONS,
    DEPTHWISE,
    ELEMENTWISE,
    MERGING,
    PASSING,
    POOLING,
    RECURRENT,
    SEPARABLE,
    mixes_channels,
)
from edgepack.compress.keras.wiring import results

# The value of each channel of a tensor, at all positions and for every input; NaN where there is no such value.
Constants = NDArray[np.float64]

_EVEN = frozenset(f"{what}{size}D" for what in ("Cropping", "UpSampling") for size in (1, 2, 3)) | {"RepeatVector"}


def constants(node: Any, given: list[Constants]) -> Constants:
    """The constants of the (first) result of a layer call, from those of its inputs. Values are taken to be finite."""
    layer, kind = node.layer, type(node.layer).__name__
    shape = tuple(results(node)[0].shape)[1:]
    unknown = np.full(int(shape[-1] or 1) if shape else 1, np.nan)
    foreign = not type(layer).__module__.startswith(("tf_keras", "keras"))
    if foreign or getattr(layer, "data_format", "channels_last") == "channels_first" or mixes_channels(layer):
        return unknown
    if kind in CONVOLUTIONS | SEPARABLE | DEPTHWISE | {"Dense"}:
        return _activated(layer, _linear(layer, kind, given[0])) if getattr(layer, "groups", 1) == 1 else unknown
    if kind == "BatchNormalization" and len(given[0]) == len(affine(layer)[0]):
        scale, offset = affine(layer)
        return np.where(scale == 0, offset, given[0] * scale + offset)
    if kind in ELEMENTWISE:
        return _called(layer, [given[0]], len(node.keras_inputs[0].shape))
    if kind in PASSING | POOLING | _EVEN:
        return given[0]
    if kind.startswith("ZeroPadding"):
        return np.where(given[0] == 0, 0.0, np.nan)
    if kind == "PReLU":
        return _slopes(layer, given[0])
    if kind in MERGING and len({len(values) for values in given}) == 1:
        return _merged(layer, kind, given, len(node.keras_inputs[0].shape))
    if kind == "Concatenate" and layer.axis in (-1, len(node.keras_inputs[0].shape) - 1):
        return np.concatenate(given)
    if kind in ("Flatten", "Reshape"):
        before = tuple(node.keras_inputs[0].shape)[1:]
        if before and None not in before and None not in shape:
            rows = np.broadcast_to(given[0], before).reshape(-1, shape[-1])
            return np.where((rows == rows[0]).all(axis=0), rows[0], np.nan)
    return unknown


def exact(layer: Any, values: Constants) -> NDArray[np.bool_]:
    """For each input channel with a constant, whether its contribution to a layer is the same at every output position.

    Zero always is; another value where padding does not put zeros beside it.
    """
    kind = type(layer).__name__
    even = kind == "Dense" or (kind not in RECURRENT and layer.padding == "valid" and not kind.endswith("Transpose"))
    return np.asarray(~np.isnan(values) & ((values == 0) | even))


def input_sums(layer: Any) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """What a unit constant of each input channel adds to each output channel of a layer that mixes channels, and whether any
    weight between them is not zero; both of shape inputs x outputs."""
    kind = type(layer).__name__
    if kind in SEPARABLE:
        depthwise, pointwise = layer.depthwise_kernel.numpy(), layer.pointwise_kernel.numpy()
        pointwise = pointwise.reshape(*depthwise.shape[-2:], -1).astype(np.float64)
        sums = depthwise.reshape(-1, *depthwise.shape[-2:]).sum(axis=0, dtype=np.float64)
        used = depthwise.reshape(-1, *depthwise.shape[-2:]).any(axis=0)
        return np.einsum("im,imo->io", sums, pointwise), (used[..., None] & (pointwise != 0)).any(axis=1)
    if kind in RECURRENT:
        kernel = layer.cell.kernel.numpy()
        return kernel.astype(np.float64), kernel != 0
    kernel = layer.kernel.numpy()
    if kind.endswith("Transpose"):
        kernel = np.swapaxes(kernel, -1, -2)
    flat = kernel.reshape(-1, *kernel.shape[-2:])
    return flat.sum(axis=0, dtype=np.float64), flat.any(axis=0)


def _linear(layer: Any, kind: str, given: Constants) -> Constants:
    """A convolution or dense layer before its activation."""
    bias = layer.bias.numpy().astype(np.float64) if layer.use_bias else 0.0
    same = exact(layer, given)
    values = np.where(same, given, 0.0)
    if kind in DEPTHWISE:
        kernel = layer.depthwise_kernel.numpy()
        flat = kernel.reshape(-1, *kernel.shape[-2:])
        found = flat.sum(axis=0, dtype=np.float64) * values[:, None]
        found[~same[:, None] & flat.any(axis=0)] = np.nan
        return np.asarray(found.reshape(-1) + bias)
    sums, used = input_sums(layer)
    found = values @ sums + bias
    found[(used & ~same[:, None]).any(axis=0)] = np.nan
    return np.asarray(found)


def _activated(layer: Any, values: Constants) -> Constants:
    import tensorflow as tf

    found = np.asarray(layer.activation(tf.constant(np.nan_to_num(values)[None], tf.float32)), dtype=np.float64)[0]
    return np.where(np.isnan(values), np.nan, found)


def _called(layer: Any, given: list[Constants], rank: int) -> Constants:
    """A layer that works value by value, on one example of one position."""
    import tensorflow as tf

    known = ~np.isnan(np.stack(given)).any(axis=0)
    tensors = [tf.constant(np.nan_to_num(values).reshape((1,) * (rank - 1) + (-1,)), tf.float32) for values in given]
    found = np.asarray(layer(tensors[0] if len(tensors) == 1 else tensors), dtype=np.float64).reshape(-1)
    return np.where(known, found, np.nan)


def _merged(layer: Any, kind: str, given: list[Constants], rank: int) -> Constants:
    found = _called(layer, given, rank)
    if kind == "Multiply":
        found[(np.stack(given) == 0).any(axis=0)] = 0.0
    return found


def _slopes(layer: Any, given: Constants) -> Constants:
    alpha = layer.alpha.numpy()
    rows = np.broadcast_to(alpha, (*alpha.shape[:-1], len(given))).reshape(-1, len(given))
    slope = np.where((rows == rows[0]).all(axis=0), rows[0], np.nan)
    return np.where(given >= 0, given, given * slope)
