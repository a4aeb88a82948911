"""DIV: int8, with broadcasting and a fused activation.

Reference: reference/div.h in TFLite Micro, whose div.cc divides the scales in float32 (tflite-runtime has no int8 form).
"""

from __future__ import annotations

import numpy as np

from edgepack.compile.operators.kernel import Operator
from edgepack.compile.operators.shared.convolution import FUSED
from edgepack.compile.operators.shared.rows import Binary, binary_kernel, describe_binary
from edgepack.compile.operators.site import CHECK_RANGES, Site
from edgepack.compile.quantize import activation_range, quantize_multiplier

MAX_RANK = 4
SHIFTS = range(-25, 23)
"""Exponents of the multiplier with which the quotient is shifted right, by less than 64 bits."""


def describe(site: Site) -> Binary:
    """Check a DIV and scale its quotient."""
    first, second, output = describe_binary(site, MAX_RANK)
    activation = site.option("fused_activation_function", "NONE")
    site.require(activation in FUSED, f"with fused activation {activation}", f"Use one of {', '.join(FUSED)}.")
    real = np.float32(first.scale) / (np.float32(second.scale) * np.float32(output.scale))
    multiplier, shift = quantize_multiplier(float(real))
    site.require(shift in SHIFTS, "has an output scale out of proportion to its inputs'", CHECK_RANGES, output)
    out_min, out_max = activation_range(activation, output.dtype, output.scale, output.zero_point)
    return Binary(
        first,
        second,
        output,
        {
            "zero_1": first.zero_point,
            "zero_2": second.zero_point,
            "out_zero": output.zero_point,
            "out_multiplier": multiplier,
            "out_shift": shift,
            "out_min": out_min,
            "out_max": out_max,
        },
    )


DIV = Operator("DIV", describe, (binary_kernel("ep_div", 120.0),))
