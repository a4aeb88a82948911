"""ABS and RSQRT: int8, tables.

Reference: elementwise.cc.
"""

from __future__ import annotations

import numpy as np

from edgepack.compile.graph import Value
from edgepack.compile.operators.activations.leaky_relu import float_ratio, require_shift
from edgepack.compile.operators.kernel import Operator
from edgepack.compile.operators.shared.lookup_table import TABLE_KERNEL, Table, describe_table
from edgepack.compile.operators.site import CHECK_RANGES, Site
from edgepack.compile.quantize import multiply_by_quantized_multiplier, quantize_multiplier, rounding_shift_right


def describe_abs(site: Site) -> Table:
    """Check an ABS and tabulate it."""
    source, output = site.input(0), site.output()
    site.require_quantized(source, output)
    require_shift(site, float_ratio(source, output))
    multiplier, shift = quantize_multiplier(float_ratio(source, output))

    def result(x: int, source: Value, output: Value) -> int:
        value = abs(x - source.zero_point)
        if source.scale == output.scale:
            return output.zero_point + value
        return output.zero_point + multiply_by_quantized_multiplier(value, multiplier, shift)

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


ABS = Operator("ABS", describe_abs, (TABLE_KERNEL,))
RSQRT = Operator("RSQRT", describe_rsqrt, (TABLE_KERNEL,))
