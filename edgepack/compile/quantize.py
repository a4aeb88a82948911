"""Fixed-point arithmetic at compile time, exactly as TensorFlow Lite's reference kernels prepare it.

Sources: tensorflow/lite/kernels/internal/quantization_util.cc and kernel_util.cc. Scales are float32 values held in
Python floats; where TFLite computes in float32, so does this module.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from edgepack.flatbuffer.types import INTEGER_RANGE

Data = npt.NDArray[Any]

SHORT_SHIFTS = range(1, 23)
"""Right shifts for which the short requantisation of ep_dsp.h is exact, when accumulators are below 2^30."""

RANGES = {dtype: INTEGER_RANGE[dtype] for dtype in ("int8", "int16", "uint8", "int32")}
"""Of the integers that the compiler knows as quantized."""


def round_half_away(x: float) -> int:
    """C's round(): halves away from zero. Raises OverflowError for what is no finite number.

    >>> round_half_away(2.5), round_half_away(-2.5), round_half_away(0.49999999999999994)
    (3, -3, 0)
    """
    if math.isnan(x):
        raise OverflowError("not a number")
    whole = math.floor(abs(x))
    rounded = whole + (1 if abs(x) - whole >= 0.5 else 0)
    return rounded if x >= 0 else -rounded


def quantize_multiplier(real: float) -> tuple[int, int]:
    """A real multiplier as (31-bit significand, exponent): real = significand * 2^(exponent - 31).

    >>> quantize_multiplier(0.5)
    (1073741824, 0)
    """
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    significand = round_half_away(fraction * (1 << 31))
    if significand == 1 << 31:
        significand //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    return significand, shift


def multiply_by_quantized_multiplier(x: int, multiplier: int, shift: int) -> int:
    """MultiplyByQuantizedMultiplier of the double-rounding build, on one 32-bit value."""
    left, right = max(shift, 0), max(-shift, 0)
    x = wrap32(x << left)
    high = 0x7FFFFFFF if x == multiplier == -(1 << 31) else (x * multiplier + (1 << 30)) >> 31
    return rounding_shift_right(high, right)


def rounding_shift_right(x: int, exponent: int) -> int:
    """Divide by 2^exponent, halves away from zero (gemmlowp's RoundingDivideByPOT)."""
    if exponent == 0:
        return x
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> exponent) + (1 if (x & mask) > threshold else 0)


def wrap32(x: int) -> int:
    """The low 32 bits as a signed number, as a C shift leaves them."""
    return (x + (1 << 31)) % (1 << 32) - (1 << 31)


def activation_range(activation: object, dtype: str, scale: float, zero_point: int) -> tuple[int, int]:
    """The output's quantized clamp for a fused activation (CalculateActivationRangeQuantized).

    `activation` is NONE, RELU, RELU6, RELU_N1_TO_1 or RELU_0_TO_1; anything else raises ValueError.
    """
    low, high = RANGES[dtype]

    def quantized(real: float) -> int:
        return zero_point + round_half_away(float(np.float32(real) / np.float32(scale)))

    if activation in ("NONE", None):
        return low, high
    if activation == "RELU":
        return max(low, quantized(0.0)), high
    if activation == "RELU6":
        return max(low, quantized(0.0)), min(high, quantized(6.0))
    if activation == "RELU_0_TO_1":
        return max(low, quantized(0.0)), min(high, quantized(1.0))
    if activation == "RELU_N1_TO_1":
        return max(low, quantized(-1.0)), min(high, quantized(1.0))
    raise ValueError(activation)


def accumulator_range(weights: Data, bias: Data, low: Data, high: Data) -> tuple[Data, Data]:
    """Bounds of bias + sum(w * x) for x in [low, high], per output channel.

    `weights` is (channels, ...), `bias` (channels,), `low` and `high` are int64 (channels, elements), the bounds (channels,).
    """
    flat = weights.reshape(weights.shape[0], -1).astype(np.int64)
    a, b = flat * low, flat * high
    return bias + np.minimum(a, b).sum(axis=1), bias + np.maximum(a, b).sum(axis=1)
