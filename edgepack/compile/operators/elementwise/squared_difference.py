"""SQUARED_DIFFERENCE: int8, with broadcasting.

Reference: squared_difference.cc; both operands on a grid 2^7 finer than the larger input scale.
"""

from __future__ import annotations

import numpy as np

from edgepack.compile.operators.kernel import Operator
from edgepack.compile.operators.shared.rows import Binary, binary_kernel, describe_binary
from edgepack.compile.operators.site import CHECK_RANGES, Site
from edgepack.compile.quantize import quantize_multiplier

LEFT_SHIFT = 7
MAX_RANK = 4


def describe(site: Site) -> Binary:
    """Check a SQUARED_DIFFERENCE and scale its operands."""
    first, second, output = describe_binary(site, MAX_RANK)
    twice_max = 2 * max(first.scale, second.scale)
    multiplier_1, shift_1 = quantize_multiplier(first.scale / twice_max)
    multiplier_2, shift_2 = quantize_multiplier(second.scale / twice_max)
    divisor = float(np.float32(1 << 2 * LEFT_SHIFT) * np.float32(output.scale))
    real = twice_max * twice_max / divisor
    site.require(real < 1.0, "has an output scale much smaller than its inputs'", CHECK_RANGES, output)
    out_multiplier, out_shift = quantize_multiplier(real)
    return Binary(
        first,
        second,
        output,
        {
            "zero_1": first.zero_point,
            "multiplier_1": multiplier_1,
            "shift_1": shift_1,
            "zero_2": second.zero_point,
            "multiplier_2": multiplier_2,
            "shift_2": shift_2,
            "out_zero": output.zero_point,
            "out_multiplier": out_multiplier,
            "out_shift": out_shift,
        },
    )


SQUARED_DIFFERENCE = Operator("SQUARED_DIFFERENCE", describe, (binary_kernel("ep_squared_difference", 60.0),))
