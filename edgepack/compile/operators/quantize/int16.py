"""QUANTIZE and DEQUANTIZE with int16 on one side or both, or int32 on one: from float32, to float32, between integers.

Reference: quantize_common.cc with reference/requantize.h and quantize.h; reference/dequantize.h.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.compile.call import Call, Field, in_place
from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.quantize.generic import edge_fields
from edgepack.compile.operators.site import CHECK_RANGES, Site
from edgepack.compile.quantize import quantize_multiplier

KERNELS = {
    ("int16", "int16"): "ep_quantize_int16",
    ("int8", "int16"): "ep_quantize_int8_to_int16",
    ("int16", "int8"): "ep_quantize_int16_to_int8",
    ("float32", "int16"): "ep_quantize_float_to_int16",
    ("int32", "int16"): "ep_quantize_int32_to_int16",
    ("int16", "int32"): "ep_quantize_int16_to_int32",
    ("int32", "int8"): "ep_quantize_int32_to_int8",
    ("int8", "int32"): "ep_quantize_int8_to_int32",
}
MOST_LEFT = {"int8": 21, "int16": 14, "int32": 0}  # left shifts that cannot overflow 32 bits


@dataclass(frozen=True, eq=False)
class Conversion:
    """A checked conversion of each element by `kernel`, with the members of its struct."""

    source: Value
    output: Value
    kernel: str
    fields: dict[str, Field]


def describe_quantize(site: Site) -> Conversion:
    """Check a QUANTIZE."""
    source, output = site.input(0), site.output()
    site.require_types(*KERNELS)
    site.require_quantized(output)
    site.require_shape(output, source.shape)
    kernel = KERNELS[source.dtype, output.dtype]
    if source.dtype == "float32":
        return Conversion(source, output, kernel, edge_fields(source, output))
    site.require_quantized(source)
    multiplier, shift = quantize_multiplier(source.scale / output.scale)
    site.require(shift <= MOST_LEFT[source.dtype], "has an output scale much smaller than its input's", CHECK_RANGES, output)
    fields: dict[str, Field] = {
        "size": source.elements,
        "zero": source.zero_point,
        "out_zero": output.zero_point,
        "multiplier": multiplier,
        "shift": shift,
    }
    return Conversion(source, output, kernel, fields)


def describe_dequantize(site: Site) -> Conversion:
    """Check a DEQUANTIZE."""
    source, output = site.input(0), site.output()
    site.require_types(("int16", "float32"))
    site.require_quantized(source)
    site.require_shape(output, source.shape)
    return Conversion(source, output, "ep_dequantize_int16", edge_fields(source, source))


def _lower(conversion: Conversion) -> Call:
    source, output = conversion.source, conversion.output
    overlaps = in_place((source.id,), output.id) if source.dtype == output.dtype else ()
    return Call(conversion.kernel, f"{conversion.kernel}.h", conversion.fields, (source.id,), (output.id,), overlaps=overlaps)


_KERNEL: Kernel[Conversion] = Kernel("ep_quantize_int16", _lower, cost=lambda conversion: 20.0 * conversion.source.elements)
QUANTIZE = Operator("QUANTIZE", describe_quantize, (_KERNEL,))
DEQUANTIZE = Operator("DEQUANTIZE", describe_dequantize, (_KERNEL,))
