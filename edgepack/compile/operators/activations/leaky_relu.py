"""LEAKY_RELU: int8, a table.

Reference: reference/leaky_relu.h, with the multipliers of activations.cc, float32 quotients.
"""

from __future__ import annotations

import math

import numpy as np

from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Operator, always
from edgepack.compile.operators.shared.lookup_table import TABLE_KERNEL, Table, describe_table, table_ranges
from edgepack.compile.operators.site import CHECK_RANGES, Site
from edgepack.compile.quantize import multiply_by_quantized_multiplier, quantize_multiplier

LARGEST_SHIFT = 22  # 9-bit differences shifted left stay within 31 bits


def float_ratio(source: Value, output: Value, factor: float = 1.0) -> float:
    """Input scale times a factor over output scale, in float32 as activations.cc computes it."""
    with np.errstate(over="ignore"):
        return float(np.float32(source.scale) * np.float32(factor) / np.float32(output.scale))


def require_shift(site: Site, real: float) -> None:
    """The real multiplier must be small enough for 32 bits. Raises CompileError EP-704."""
    site.require(math.isfinite(real), "has an output scale much smaller than its input's", CHECK_RANGES, site.output())
    _, shift = quantize_multiplier(real)
    site.require(shift <= LARGEST_SHIFT, "has an output scale much smaller than its input's", CHECK_RANGES, site.output())


def describe(site: Site) -> Table:
    """Check a LEAKY_RELU and tabulate it."""
    source, output = site.input(0), site.output()
    alpha = float(site.option("alpha", 0.0))
    site.require(math.isfinite(alpha), f"has slope {alpha}", "Use a finite slope.")
    site.require_quantized(source, output)
    above, below = float_ratio(source, output), float_ratio(source, output, alpha)
    require_shift(site, above)
    require_shift(site, below)
    identity, slope = quantize_multiplier(above), quantize_multiplier(below)

    def result(x: int, source: Value, output: Value) -> int:
        value = x - source.zero_point
        return output.zero_point + multiply_by_quantized_multiplier(value, *(identity if value >= 0 else slope))

    return describe_table(site, result)


LEAKY_RELU = Operator("LEAKY_RELU", describe, (TABLE_KERNEL,), ranges=table_ranges, channels_apart=always)
