"""PRELU: int8, with slopes that broadcast to the input, one for each channel as a rule.

Reference: reference/prelu.h; activations.cc multiplies and divides the scales in float32.
"""

from __future__ import annotations

import numpy as np

from edgepack.compile.operators.kernel import Operator
from edgepack.compile.operators.shared.rows import Binary, binary_kernel, describe_binary
from edgepack.compile.operators.site import CHECK_RANGES, Site
from edgepack.compile.quantize import quantize_multiplier

MAX_RANK = 4


def describe(site: Site) -> Binary:
    """Check a PRELU and scale its two halves."""
    source, slopes, output = describe_binary(site, MAX_RANK)
    site.require_shape(output, source.shape)
    scale = np.float32(source.scale)
    multiplier_1, shift_1 = quantize_multiplier(float(scale / np.float32(output.scale)))
    multiplier_2, shift_2 = quantize_multiplier(float(scale * np.float32(slopes.scale) / np.float32(output.scale)))
    site.require(shift_1 <= 22 and shift_2 <= 14, "has an output scale much smaller than its input's", CHECK_RANGES, output)
    return Binary(
        source,
        slopes,
        output,
        {
            "zero": source.zero_point,
            "slope_zero": slopes.zero_point,
            "out_zero": output.zero_point,
            "multiplier_1": multiplier_1,
            "shift_1": shift_1,
            "multiplier_2": multiplier_2,
            "shift_2": shift_2,
        },
    )


PRELU = Operator("PRELU", describe, (binary_kernel("ep_prelu", 30.0),))
