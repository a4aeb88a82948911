"""What the kernels for the vector extension share: the struct members of kernels/shared/ep_mve.h and ep_strip_mve.h."""

from __future__ import annotations

import numpy as np

from edgepack.compile.call import Array, Field
from edgepack.compile.graph import Data
from edgepack.compile.operators.shared.convolution import Padding
from edgepack.compile.operators.shared.one_sided import fits
from edgepack.compile.operators.shared.requantize import Requantization, bias32

LANES = 16
SCALES = (
    8,
    6,
    4,
    9,
    10,
    11,
    12,
    13,
)  # bits by which sums are scaled for the one-sided requantisation; more for large multipliers
STRIP = 4096  # bytes; a longer strip would cost more memory than it saves time


def exact(requantization: Requantization) -> bool:
    """Whether the vectors can requantise: 32-bit sums, and right shifts of at least one bit."""
    return requantization.largest < 1 << 31 and all(-31 <= int(shift) <= -1 for shift in requantization.shift)


def _lanes(values: Data, filling: int = 0) -> Data:
    """One number a channel as [block of 16 channels][4][4], vector r holding channels r, r + 4, r + 8 and r + 12."""
    padded = np.pad(values.astype(np.int32), (0, -values.size % LANES), constant_values=filling)
    return padded.reshape(-1, 4, 4).transpose(0, 2, 1)


def outputs_fields(requantization: Requantization) -> dict[str, Field]:
    """The members of struct ep_mve_outputs; multipliers are one a channel."""
    scale, parts = 0, [bias32(requantization), requantization.multiplier, requantization.shift]
    for bits in SCALES:
        channels = [channel for channel in fits(requantization, bits) if channel is not None]
        if len(channels) == requantization.bias.size:
            scale, parts = 1 << bits, list(np.array(channels, np.int64).T)
            break
    stacked = np.stack([_lanes(part) for part in parts], axis=1)
    return {
        "channels": requantization.bias.size,
        "scale": scale,
        "out_zero": requantization.out_zero,
        "out_min": requantization.out_min,
        "out_max": requantization.out_max,
        "constants": Array(np.ascontiguousarray(stacked).reshape(-1), "biases, multipliers" + ("" if scale else ", shifts")),
    }


def strip_fields(
    in_shape: tuple[int, ...], out_w: int, kernel: tuple[int, int], stride_w: int, dilation_h: int, padding: Padding, in_zero: int
) -> dict[str, Field]:
    """The members of struct ep_strip_mve."""
    columns = strip_columns(out_w, kernel, stride_w)
    return {
        "in_h": in_shape[1],
        "in_w": in_shape[2],
        "in_c": in_shape[3],
        "kernel_h": kernel[0],
        "dilation_h": dilation_h,
        "columns": columns,
        "pad_left": padding.left,
        "inside": max(min(columns - padding.left, in_shape[2]), 0),
        "in_zero": in_zero,
    }


def strip_columns(out_w: int, kernel: tuple[int, int], stride_w: int) -> int:
    """Columns of input under a row of outputs, padding included."""
    return (out_w - 1) * stride_w + kernel[1]


def strip_bytes(in_c: int, out_w: int, kernel: tuple[int, int], stride_w: int) -> int:
    """Bytes of such a strip."""
    return strip_columns(out_w, kernel, stride_w) * kernel[0] * in_c
