"""LEAKY_RELU, TANH, HARD_SWISH, ABS and RSQRT: int8, each a function of one element, so a table.

References: reference/leaky_relu.h, reference/hard_swish.h, elementwise.cc, activations.cc (tanh is tabulated in float32).
"""

from __future__ import annotations

import math

import numpy as np

from edgepack.compile.graph import Value
from edgepack.compile.operators.activations.logistic import dequantized, lookup_result
from edgepack.compile.operators.registry import CHECK_RANGES, Operator, Site, register
from edgepack.compile.operators.shared.table import TABLE_KERNEL, Table, describe_table, table_operator
from edgepack.compile.quantize import multiply_by_quantized_multiplier, quantize_multiplier, rounding_shift_right

LARGEST_SHIFT = 22  # 9-bit differences shifted left stay within 31 bits
INT16 = (-32768, 32767)


def float_ratio(source: Value, output: Value, factor: float = 1.0) -> float:
    """Input scale times a factor over output scale, in float32 as activations.cc computes it."""
    with np.errstate(over="ignore"):
        return float(np.float32(source.scale) * np.float32(factor) / np.float32(output.scale))


def _require_shift(site: Site, real: float) -> None:
    site.require(math.isfinite(real), "has an output scale much smaller than its input's", CHECK_RANGES, site.output())
    _, shift = quantize_multiplier(real)
    site.require(shift <= LARGEST_SHIFT, "has an output scale much smaller than its input's", CHECK_RANGES, site.output())


def describe_leaky_relu(site: Site) -> Table:
    """Check a LEAKY_RELU and tabulate it."""
    source, output = site.input(0), site.output()
    alpha = float(site.option("alpha", 0.0))
    site.require(math.isfinite(alpha), f"has slope {alpha}", "Use a finite slope.")
    site.require_quantized(source, output)
    above, below = float_ratio(source, output), float_ratio(source, output, alpha)
    _require_shift(site, above)
    _require_shift(site, below)
    identity, slope = quantize_multiplier(above), quantize_multiplier(below)

    def result(x: int, source: Value, output: Value) -> int:
        value = x - source.zero_point
        return output.zero_point + multiply_by_quantized_multiplier(value, *(identity if value >= 0 else slope))

    return describe_table(site, result)


def describe_abs(site: Site) -> Table:
    """Check an ABS and tabulate it."""
    source, output = site.input(0), site.output()
    site.require_quantized(source, output)
    _require_shift(site, float_ratio(source, output))
    multiplier, shift = quantize_multiplier(float_ratio(source, output))

    def result(x: int, source: Value, output: Value) -> int:
        value = abs(x - source.zero_point)
        if source.scale == output.scale:
            return output.zero_point + value
        return output.zero_point + multiply_by_quantized_multiplier(value, multiplier, shift)

    return describe_table(site, result)


def _tanh(x: int, source: Value, output: Value) -> int:
    return lookup_result(float(np.float32(np.tanh(np.float64(dequantized(x, source))))), output)


def _saturated(x: int) -> int:
    return min(max(x, INT16[0]), INT16[1])


def _high_mul_16(a: int, b: int) -> int:
    """gemmlowp's SaturatingRoundingDoublingHighMul on int16."""
    return INT16[1] if a == b == INT16[0] else (a * b + (1 << 14)) >> 15


def _multiplier_16(real: float) -> tuple[int, int]:
    """A multiplier of 16 bits and its exponent (DownScaleInt32ToInt16Multiplier)."""
    multiplier, exponent = quantize_multiplier(real)
    return min((multiplier + (1 << 15)) >> 16, INT16[1]), exponent


def describe_hard_swish(site: Site) -> Table:
    """Check a HARD_SWISH and tabulate it: x * relu6(x + 3) / 6 in 16-bit fixed point."""
    source, output = site.input(0), site.output()
    site.require_quantized(source, output)
    fine = np.float32(1 / 128) * np.float32(source.scale)  # the input's scale, 7 bits finer
    out_multiplier, out_exponent = _multiplier_16(float(fine / np.float32(output.scale)))
    gate_multiplier, gate_exponent = _multiplier_16(float(fine / (np.float32(3) / np.float32(32768))))
    site.require(-15 <= out_exponent <= 0, "has an output scale out of proportion to its input's", CHECK_RANGES, output)
    site.require(-15 <= gate_exponent <= 31, "has an input scale out of range", CHECK_RANGES, source)

    def result(x: int, source: Value, output: Value) -> int:
        value = (x - source.zero_point) * 128
        on_output_scale = _high_mul_16(value, out_multiplier)
        gate = value
        if gate_exponent > 0:
            gate = _saturated(gate << (gate_exponent - 1))
        gate = _high_mul_16(gate, gate_multiplier)
        if gate_exponent > 0:
            gate = _saturated(gate << 1)
        elif gate_exponent < 0:
            gate = rounding_shift_right(gate, -gate_exponent)
        gate = (gate + (1 << 15)) >> 1
        product = gate * on_output_scale
        product = product >> 15 if product >= 0 else -(-product >> 15)
        return output.zero_point + rounding_shift_right(product, -out_exponent)

    return describe_table(site, result)


def _high_mul(a: int, b: int) -> int:
    return multiply_by_quantized_multiplier(a, b, 0)


def _shift_left_saturated(x: int, exponent: int) -> int:
    return min(max(x << exponent, -(1 << 31)), (1 << 31) - 1)


def _inverse_square_root(x: int) -> tuple[int, int]:
    """1 / sqrt(x) for an integer above 0 as (multiplier, shift): GetInvSqrtQuantizedMultiplierExp, five Newton steps in Q3.28."""
    if x <= 1:
        return (1 << 31) - 1, 0
    pairs = (32 - x.bit_length() - 1) // 2 - 1
    right = 11 - pairs
    value = (x << 2 * pairs) >> 1
    half = rounding_shift_right(value, 1)
    half_three = (1 << 28) + (1 << 27)
    root = 1 << 28
    for _ in range(5):
        cube = _shift_left_saturated(_high_mul(_high_mul(root, root), root), 6)
        root = _shift_left_saturated(_high_mul(half_three, root) - _high_mul(half, cube), 3)
    root = _high_mul(root, 1518500250)  # sqrt(1/2)
    return (root << -right, 0) if right < 0 else (root, -right)


def describe_rsqrt(site: Site) -> Table:
    """Check an RSQRT and tabulate it. The reference refuses to run on elements below zero; here they give the largest output."""
    source, output = site.input(0), site.output()
    site.require_quantized(source, output)
    root = float(np.sqrt(np.float32(source.scale)))
    multiplier, shift = quantize_multiplier(1.0 / float(np.float32(root) * np.float32(output.scale)))
    fraction = 20  # bits
    site.require(-11 <= shift <= fraction, "has scales out of range", CHECK_RANGES, output)

    def result(x: int, source: Value, output: Value) -> int:
        value = x - source.zero_point
        if value <= 0:
            return 127
        inverse, exponent = _inverse_square_root(value)
        data = multiply_by_quantized_multiplier(1, inverse, exponent + fraction)
        return output.zero_point + multiply_by_quantized_multiplier(data, multiplier, shift - fraction)

    return describe_table(site, result)


register(table_operator("TANH", _tanh))
register(Operator("LEAKY_RELU", describe_leaky_relu, (TABLE_KERNEL,)))
register(Operator("ABS", describe_abs, (TABLE_KERNEL,)))
register(Operator("HARD_SWISH", describe_hard_swish, (TABLE_KERNEL,)))
register(Operator("RSQRT", describe_rsqrt, (TABLE_KERNEL,)))
