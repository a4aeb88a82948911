"""EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL of int8, plain integers or bool, giving bool.

Reference: comparisons.cc with reference/comparisons.h: int8 operands are scaled to a common grid.
"""

from __future__ import annotations

from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Operator
from edgepack.compile.operators.shared.broadcast import broadcast_shape
from edgepack.compile.operators.shared.numbers import INTEGERS
from edgepack.compile.operators.shared.rows import Binary, binary_kernel
from edgepack.compile.operators.site import CHECK_RANGES, Site
from edgepack.compile.quantize import quantize_multiplier

ACCEPT = {"LESS": 1, "EQUAL": 2, "LESS_EQUAL": 3, "GREATER": 4, "NOT_EQUAL": 5, "GREATER_EQUAL": 6}
PLAIN = ("int32", "int64")
MAX_RANK = 4


def operands(site: Site) -> tuple[Value, Value, Value]:
    """Two operands that broadcast, and the output of their common shape."""
    first, second, output = site.input(0), site.input(1), site.output()
    shape = broadcast_shape(site, first.shape, second.shape)
    site.require_shape(output, shape)
    same = first.shape == second.shape
    site.require(same or len(shape) <= MAX_RANK, f"broadcasts over {len(shape)} dimensions", f"Reshape to at most {MAX_RANK}.")
    return first, second, output


def describe(site: Site) -> Binary:
    """Check a comparison and scale its operands."""
    plain = (*PLAIN, "bool") if site.node.op in ("EQUAL", "NOT_EQUAL") else PLAIN
    site.require_types(*((dtype, dtype, "bool") for dtype in ("int8", *plain)))
    first, second, output = operands(site)
    if first.dtype != "int8":
        return Binary(first, second, output, {"type": INTEGERS[first.dtype], "accept": ACCEPT[site.node.op]})
    site.require_quantized(first, second)
    site.require(max(first.scale, second.scale) < 1.0, "compares tensors of a scale of 1 or more", CHECK_RANGES)
    fields = {"accept": ACCEPT[site.node.op]}
    for place, value in enumerate((first, second), 1):
        multiplier, shift = quantize_multiplier(value.scale)
        site.require(shift >= -31, "has an input scale too small to compute with", CHECK_RANGES, value)
        fields |= {f"zero_{place}": value.zero_point, f"multiplier_{place}": multiplier, f"shift_{place}": shift}
    return Binary(first, second, output, dict(fields))


_KERNELS = (
    binary_kernel("ep_compare", 60.0, lambda binary: binary.first.dtype == "int8"),
    binary_kernel("ep_integer_compare", 25.0, lambda binary: binary.first.dtype != "int8"),
)
EQUAL = Operator("EQUAL", describe, _KERNELS)
NOT_EQUAL = Operator("NOT_EQUAL", describe, _KERNELS)
LESS = Operator("LESS", describe, _KERNELS)
LESS_EQUAL = Operator("LESS_EQUAL", describe, _KERNELS)
GREATER = Operator("GREATER", describe, _KERNELS)
GREATER_EQUAL = Operator("GREATER_EQUAL", describe, _KERNELS)
