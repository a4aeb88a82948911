"""QUANTIZE and DEQUANTIZE with uint8 on one side or both: the edges of an int8 model whose inputs or outputs are uint8.

Reference: quantize_common.cc with reference/requantize.h and quantize.h; reference/dequantize.h.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Array, Call, Field, in_place
from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.quantize.generic import edge_fields, requantized, require_left_shift
from edgepack.compile.operators.site import Site
from edgepack.compile.quantize import RANGES


@dataclass(frozen=True, eq=False)
class Conversion:
    """A checked conversion of each element by `kernel`, with the members of its struct."""

    source: Value
    output: Value
    kernel: str
    fields: dict[str, Field]
    cost: float


def describe_quantize(site: Site) -> Conversion:
    """Check a QUANTIZE."""
    source, output = site.input(0), site.output()
    site.require_types(("uint8", "int8"), ("int8", "uint8"), ("uint8", "uint8"), ("float32", "uint8"))
    site.require_quantized(output)
    site.require_shape(output, source.shape)
    if source.dtype == "float32":
        return Conversion(source, output, "ep_quantize_float_to_uint8", edge_fields(source, output), 30.0)
    site.require_quantized(source)
    require_left_shift(site, source, output)
    size = source.elements
    if _only_sign(source, output):
        return Conversion(source, output, "ep_flip_sign", {"size": size}, 4.0)
    inputs = np.arange(256, dtype=np.uint8).view(source.dtype).tolist()
    results = np.array([requantized(x, source, output) for x in inputs]).clip(*RANGES[output.dtype]).astype(output.dtype)
    table = Array(results.view(np.uint8), "results for each byte")
    return Conversion(source, output, "ep_table_of_bytes", {"size": size, "results": table}, 5.0)


def _only_sign(source: Value, output: Value) -> bool:
    """Whether stored values differ by 128 alone, which is the bit of the sign."""
    unsigned, signed = (source, output) if source.dtype == "uint8" else (output, source)
    return signed.dtype == "int8" and source.scale == output.scale and unsigned.zero_point - signed.zero_point == 128


def describe_dequantize(site: Site) -> Conversion:
    """Check a DEQUANTIZE."""
    source, output = site.input(0), site.output()
    site.require_types(("uint8", "float32"))
    site.require_quantized(source)
    site.require_shape(output, source.shape)
    return Conversion(source, output, "ep_dequantize_uint8", edge_fields(source, source), 20.0)


def _lower(conversion: Conversion) -> Call:
    source, output = conversion.source, conversion.output
    overlaps = in_place((source.id,), output.id) if source.bytes == output.bytes else ()
    return Call(conversion.kernel, f"{conversion.kernel}.h", conversion.fields, (source.id,), (output.id,), overlaps=overlaps)


_KERNEL: Kernel[Conversion] = Kernel(
    "ep_quantize_uint8", _lower, cost=lambda conversion: conversion.cost * conversion.source.elements
)
QUANTIZE = Operator("QUANTIZE", describe_quantize, (_KERNEL,))
DEQUANTIZE = Operator("DEQUANTIZE", describe_dequantize, (_KERNEL,))
