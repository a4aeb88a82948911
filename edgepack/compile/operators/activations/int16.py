"""RELU, LEAKY_RELU, LOGISTIC and TANH on int16.

Reference: TFLite Micro's reference/leaky_relu.h (factors in double, where tflite-runtime divides in float32), and
integer_ops/logistic.h and tanh.h with logistic_common.cc and tanh.cc: one table of sigmoid(i / 24) serves both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Array, Call, Field, in_place
from edgepack.compile.graph import Data, Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.shared.int16 import require_symmetric
from edgepack.compile.operators.site import CHECK_RANGES, Site
from edgepack.compile.quantize import activation_range, quantize_multiplier

INPUT_BITS = 12  # fractional bits of the input for which the tables were made: Q3.12
OUTPUT_BITS = 15


@dataclass(frozen=True, eq=False)
class Unary:
    """A function of one element; `fields` are the members of its kernel's struct."""

    input: int
    output: int
    size: int
    fields: dict[str, Field]


def _operands(site: Site) -> tuple[Value, Value]:
    source, output = site.input(0), site.output()
    site.require_types(("int16", "int16"))
    require_symmetric(site, source, output)
    site.require_shape(output, source.shape)
    return source, output


def describe_leaky_relu(site: Site) -> Unary:
    """Check a LEAKY_RELU."""
    source, output = _operands(site)
    alpha = float(site.option("alpha", 0.0))
    site.require(math.isfinite(alpha), f"has a slope of {alpha}", "Use a small positive slope.")
    multiplier, shift = quantize_multiplier(source.scale / output.scale)
    alpha_multiplier, alpha_shift = quantize_multiplier(source.scale * alpha / output.scale)
    site.require(max(shift, alpha_shift) <= 14, "has an output scale much smaller than its input's", CHECK_RANGES, output)
    fields: dict[str, Field] = {
        "size": output.elements,
        "multiplier": multiplier,
        "shift": shift,
        "alpha_multiplier": alpha_multiplier,
        "alpha_shift": alpha_shift,
    }
    return Unary(source.id, output.id, output.elements, fields)


def describe_relu(site: Site) -> Unary:
    """Check a RELU; TFLite Micro (activations_common.cc) divides the scales in double."""
    source, output = _operands(site)
    multiplier, shift = quantize_multiplier(source.scale / output.scale)
    site.require(shift <= 14, "has an output scale much smaller than its input's", CHECK_RANGES, output)
    low, high = activation_range(site.node.op, "int16", output.scale, output.zero_point)
    fields: dict[str, Field] = {
        "size": output.elements,
        "multiplier": multiplier,
        "shift": shift,
        "out_min": low,
        "out_max": high,
    }
    return Unary(source.id, output.id, output.elements, fields)


def power_of_two(scale: float) -> int | None:
    """log2 of the scale if TFLite takes it for a power of two (CheckedLog2), else None."""
    log2 = np.float32(np.log(np.float32(scale))) * (np.float32(1) / np.float32(np.log(np.float32(2))))
    rounded = round(float(log2))
    return rounded if abs(float(log2) - rounded) < 1e-3 else None


def sigmoid_table() -> Data:
    """sigmoid(i / 24) for i from 0 to 255 in Q0.16, each raised by half the interpolation's error in the middle of its step."""
    exact = 65536 / (1 + np.exp(-np.arange(0, 256.5, 0.5) / 24))
    error = exact[1::2] - (exact[:-1:2] + exact[2::2]) / 2
    table: Data = np.round(exact[:-1:2] + error / 2)
    table[255] = 65535
    return np.asarray(table, np.uint16)


def _describe_sigmoid(site: Site, exact_shifts: tuple[int, ...]) -> Unary:
    """`exact_shifts` are the powers of two, relative to Q3.12, for which the input is only shifted."""
    source, output = _operands(site)
    site.require(
        power_of_two(output.scale) == -OUTPUT_BITS,
        f"has output scale {output.scale}",
        "TensorFlow Lite fixes it at 1/32768; convert the model again.",
        output,
    )
    exponent = power_of_two(source.scale)
    if exponent is not None and exponent + INPUT_BITS in exact_shifts:
        multiplier, shift = 3 << (exponent + INPUT_BITS), 0
    else:
        real, shift = source.scale * (1 << INPUT_BITS) * 3.0, 0
        while real <= 32767.0 / 2.0 and shift <= 30:
            real, shift = real * 2.0, shift + 1
        multiplier = int(min(real, 1 << 31))
    site.require(multiplier <= 32767, "has a large input scale", CHECK_RANGES, source)
    fields: dict[str, Field] = {
        "size": output.elements,
        "multiplier": multiplier,
        "shift": shift,
        "table": Array(sigmoid_table(), "sigmoid(i / 24)"),
    }
    return Unary(source.id, output.id, output.elements, fields)


def describe_logistic(site: Site) -> Unary:
    """Check a LOGISTIC."""
    return _describe_sigmoid(site, (0,))


def describe_tanh(site: Site) -> Unary:
    """Check a TANH."""
    return _describe_sigmoid(site, (0, 1))


def _kernel(name: str, cost: float) -> Kernel[Unary]:
    def lower(unary: Unary) -> Call:
        overlaps = in_place((unary.input,), unary.output)
        return Call(name, f"{name}.h", unary.fields, (unary.input,), (unary.output,), overlaps=overlaps)

    return Kernel(name, lower, cost=lambda unary: cost * unary.size)


RELU = Operator("RELU", describe_relu, (_kernel("ep_relu_int16", 15.0),))
LEAKY_RELU = Operator("LEAKY_RELU", describe_leaky_relu, (_kernel("ep_leaky_relu_int16", 30.0),))
LOGISTIC = Operator("LOGISTIC", describe_logistic, (_kernel("ep_logistic_int16", 20.0),))
TANH = Operator("TANH", describe_tanh, (_kernel("ep_tanh_int16", 20.0),))
