"""Kernels as int8 codes, the way TFLite stores them: symmetric, one scale per output channel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.keras.kernels import HEADS


def channels_first(kind: str, name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """A kernel as (output channels, weights of a channel), its weights in the order of the .tflite.

    TFLite has a convolution's output channels first (OHWI), a dense kernel as (out, in), and a depthwise kernel as
    (1, H, W, channels * multiplier) with its scale along the last axis; Keras has HWIO, (in, out), (H, W, C, M), and
    (H, W, out, in) for a transposed convolution.
    """
    if name == "depthwise_kernel":
        return np.ascontiguousarray(values.reshape(-1, values.shape[-2] * values.shape[-1]).T)
    if kind in ("Conv2DTranspose", "Conv1DTranspose", "Conv3DTranspose"):
        return np.ascontiguousarray(np.moveaxis(values, -2, 0).reshape(values.shape[-2], -1))
    if name == "embeddings":
        return values
    if kind == HEADS:
        return np.ascontiguousarray(values.reshape(values.shape[0], -1).T)
    return np.ascontiguousarray(np.moveaxis(values, -1, 0).reshape(values.shape[-1], -1))


def channels_last(kind: str, name: str, rows: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The inverse of `channels_first` for a kernel of `shape`."""
    if name == "depthwise_kernel":
        return np.ascontiguousarray(rows.T.reshape(shape))
    if kind in ("Conv2DTranspose", "Conv1DTranspose", "Conv3DTranspose"):
        return np.ascontiguousarray(np.moveaxis(rows.reshape(shape[-2], *shape[:-2], shape[-1]), 0, -2))
    if name == "embeddings":
        return rows
    if kind == HEADS:
        return np.ascontiguousarray(rows.T.reshape(shape))
    return np.ascontiguousarray(np.moveaxis(rows.reshape(shape[-1], *shape[:-1]), 0, -1))


def int8_codes(kind: str, name: str, values: NDArray[np.float32]) -> NDArray[np.int8]:
    """The codes -127..127 of a kernel as (output channels, weights): round(weight / scale) with scale = max |weight| / 127."""
    rows = channels_first(kind, name, values)
    scales = np.abs(rows).max(axis=1, keepdims=True) / 127
    codes: NDArray[np.int8] = np.rint(rows / np.where(scales == 0, 1, scales)).astype(np.int8)
    return codes


def most_distinct(codes: NDArray[Any]) -> int:
    """The largest number of unique codes in one row (unique values per channel)."""
    if not codes.size:
        return 0
    ordered = np.sort(codes, axis=1)
    return int((1 + (np.diff(ordered, axis=1) != 0).sum(axis=1)).max())


def code_entropy(codes: NDArray[Any]) -> float:
    """Shannon's entropy of the codes in bits per weight: what no code that treats weights one by one can go below."""
    counts = np.unique(codes, return_counts=True)[1]
    probability = counts / counts.sum()
    return max(0.0, float(-(probability * np.log2(probability)).sum()))
