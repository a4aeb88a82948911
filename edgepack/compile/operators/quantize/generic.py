"""QUANTIZE and DEQUANTIZE at the edges of a model, and QUANTIZE between two int8 scales.

Reference: reference/quantize.h (AffineQuantize, float32 division), reference/requantize.h, reference/dequantize.h.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.compile.call import Call, Field
from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import UNKNOWN, Kernel, Operator, always
from edgepack.compile.operators.shared.lookup_table import TABLE_KERNEL, Table, describe_table, lower_table, table_ranges
from edgepack.compile.operators.shared.straight_line import LINE_KERNEL
from edgepack.compile.operators.site import CHECK_RANGES, Site
from edgepack.compile.quantize import multiply_by_quantized_multiplier, quantize_multiplier


@dataclass(frozen=True, eq=False)
class Edge:
    """A conversion between float32 and int8."""

    source: Value
    output: Value
    quantized: Value

    @property
    def fields(self) -> dict[str, Field]:
        """The members of struct ep_quantize and ep_dequantize."""
        return edge_fields(self.source, self.quantized)


def edge_fields(source: Value, quantized: Value) -> dict[str, Field]:
    """The struct members of every kernel between float32 and integers."""
    return {"size": source.elements, "scale": float(quantized.scale), "zero": quantized.zero_point}


def require_left_shift(site: Site, source: Value, output: Value) -> None:
    """Refuse scales between which a difference of two bytes would leave 32 bits."""
    _, shift = quantize_multiplier(source.scale / output.scale)
    site.require(shift <= 21, "has an output scale much smaller than its input's", CHECK_RANGES, output)


def requantized(x: int, source: Value, output: Value) -> int:
    """What a stored value of `source` is in `output`, not clamped."""
    multiplier, shift = quantize_multiplier(source.scale / output.scale)
    return output.zero_point + multiply_by_quantized_multiplier(x - source.zero_point, multiplier, shift)


def describe_quantize(site: Site) -> Edge | Table:
    """Check a QUANTIZE: from float32, or from int8 to another scale."""
    source, output = site.input(0), site.output()
    site.require_types(("float32", "int8"), ("int8", "int8"))
    site.require_quantized(output)
    if source.dtype == "int8":
        site.require_quantized(source)
        require_left_shift(site, source, output)
        return describe_table(site, requantized)
    site.require_shape(output, source.shape)
    return Edge(source, output, output)


def describe_dequantize(site: Site) -> Edge:
    """Check a DEQUANTIZE to float32."""
    source, output = site.input(0), site.output()
    site.require_types(("int8", "float32"))
    site.require_quantized(source)
    site.require_shape(output, source.shape)
    return Edge(source, output, source)


def _lower_quantize(problem: Edge | Table) -> Call:
    if isinstance(problem, Table):
        return lower_table(problem)
    return Call("ep_quantize", "ep_quantize.h", problem.fields, (problem.source.id,), (problem.output.id,))


def _quantize_cost(problem: Edge | Table) -> float:
    return TABLE_KERNEL.cost(problem) if isinstance(problem, Table) else UNKNOWN


def _lower_dequantize(edge: Edge) -> Call:
    return Call("ep_dequantize", "ep_dequantize.h", edge.fields, (edge.source.id,), (edge.output.id,))


QUANTIZE = Operator(
    "QUANTIZE",
    describe_quantize,
    (Kernel("ep_quantize", _lower_quantize, cost=_quantize_cost), LINE_KERNEL),
    ranges=table_ranges,
    channels_apart=always,
)
DEQUANTIZE = Operator("DEQUANTIZE", describe_dequantize, (Kernel("ep_dequantize", _lower_dequantize),))
