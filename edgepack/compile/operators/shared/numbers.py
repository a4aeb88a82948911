"""Plain integers (and float32 where a kernel says so) under one text: the types of ep_number.h."""

from __future__ import annotations

from edgepack.compile.call import Field
from edgepack.compile.operators.shared.convolution import FUSED
from edgepack.compile.operators.site import Site

INTEGERS = {"int8": 0, "bool": 0, "int16": 1, "int32": 2, "int64": 3}
"""The kernels' number of each type of integers."""

NUMBERS = {**INTEGERS, "float32": 4}
"""And of float32."""

_RANGES = {"NONE": None, "RELU": (0, (1 << 31) - 1), "RELU6": (0, 6), "RELU_N1_TO_1": (-1, 1)}


def clamp_fields(site: Site) -> dict[str, Field]:
    """The struct members for the fused activation of plain integers, which have no scale: RELU6 ends at 6.

    Reference: kernel_util.h, CalculateActivationRange. Raises CompileError EP-704.
    """
    activation = site.option("fused_activation_function", "NONE")
    site.require(activation in FUSED, f"with fused activation {activation}", f"Use one of {', '.join(FUSED)}.")
    bounds = _RANGES[activation]
    low, high = bounds or (0, 0)
    return {"clamped": int(bounds is not None), "out_min": low, "out_max": high}
