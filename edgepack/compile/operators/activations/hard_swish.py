"""HARD_SWISH: int8, a table of x * relu6(x + 3) / 6 in 16-bit fixed point.

Reference: reference/hard_swish.h.
"""

from __future__ import annotations

import numpy as np

from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Operator, always
from edgepack.compile.operators.shared.lookup_table import TABLE_KERNEL, Table, describe_table, table_ranges
from edgepack.compile.operators.site import CHECK_RANGES, Site
from edgepack.compile.quantize import quantize_multiplier, rounding_shift_right

INT16 = (-32768, 32767)


def _saturated(x: int) -> int:
    return min(max(x, INT16[0]), INT16[1])


def _high_mul_16(a: int, b: int) -> int:
    """gemmlowp's SaturatingRoundingDoublingHighMul on int16."""
    return INT16[1] if a == b == INT16[0] else (a * b + (1 << 14)) >> 15


def _multiplier_16(real: float) -> tuple[int, int]:
    """A multiplier of 16 bits and its exponent (DownScaleInt32ToInt16Multiplier)."""
    multiplier, exponent = quantize_multiplier(real)
    return min((multiplier + (1 << 15)) >> 16, INT16[1]), exponent


def describe(site: Site) -> Table:
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


HARD_SWISH = Operator("HARD_SWISH", describe, (TABLE_KERNEL,), ranges=table_ranges, channels_apart=always)
