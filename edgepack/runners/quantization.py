"""Between real values and a model's integers, as TFLite's QUANTIZE and DEQUANTIZE operators do it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def quantize(values: NDArray[Any], scale: float, zero_point: int, dtype: str | np.dtype[Any]) -> NDArray[Any]:
    """Real values to integers: round(value / scale) + zero_point, halves away from zero, clamped to the type's range.

    The division is in float32 as in TFLite's AffineQuantize (kernels/internal/reference/quantize.h). A scale of 0 means
    that the tensor is not quantised: the values are only converted.
    """
    target = np.dtype(dtype)
    if scale == 0 or target.kind == "f":
        return np.asarray(values).astype(target)
    limits = np.iinfo(target)
    ratio = np.asarray(values, dtype=np.float32) / np.float32(scale)
    rounded = np.trunc(ratio + np.copysign(np.float32(0.5), ratio))
    # The largest float32 below 0.5 must not round up, which adding 0.5 in float32 makes it do.
    rounded = np.where(np.abs(ratio) < np.float32(0.5), np.float32(0), rounded)
    return np.clip(rounded.astype(np.float64) + zero_point, limits.min, limits.max).astype(target)


def dequantize(values: NDArray[Any], scale: float, zero_point: int) -> NDArray[Any]:
    """Integers to real float32 values: scale * (value - zero_point); float tensors and a scale of 0 stay what they are."""
    if scale == 0 or values.dtype.kind == "f":
        return values.astype(np.float32) if values.dtype.kind == "f" else values
    return (values.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)
