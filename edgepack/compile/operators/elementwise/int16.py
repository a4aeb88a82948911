"""SUB and MUL on int16 activations: shared/binary_int16.py."""

from __future__ import annotations

from dataclasses import replace

from edgepack.compile.operators.kernel import Operator
from edgepack.compile.operators.shared.binary_int16 import Binary, binary_kernel_int16, describe_operands, describe_sum
from edgepack.compile.operators.site import CHECK_RANGES, Site
from edgepack.compile.quantize import quantize_multiplier


def describe_sub(site: Site) -> Binary:
    """Check a SUB."""
    return describe_sum(site, -1)


def describe_mul(site: Site) -> Binary:
    """Check a MUL."""
    binary = describe_operands(site)
    multiplier, shift = quantize_multiplier(binary.first.scale * binary.second.scale / binary.output.scale)
    site.require(shift <= 0, "has an output scale much smaller than its inputs'", CHECK_RANGES, binary.output)
    return replace(binary, fields={**binary.fields, "out_multiplier": multiplier, "out_shift": shift})


SUB = Operator("SUB", describe_sub, (binary_kernel_int16("ep_add_int16"),))
MUL = Operator("MUL", describe_mul, (binary_kernel_int16("ep_mul_int16"),))
