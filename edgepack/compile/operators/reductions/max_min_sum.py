"""REDUCE_MAX, REDUCE_MIN and SUM: int8, over any axes.

Reference: reduce.cc (ReduceType::kMax, kMin compare stored values) and reference/reduce.h, QuantizedMeanOrSum.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.compile.call import Call, Field
from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.reductions.axes import Reduction, reduction
from edgepack.compile.operators.site import CHECK_RANGES, CONVERT_AGAIN, Site
from edgepack.compile.quantize import quantize_multiplier


@dataclass(frozen=True, eq=False)
class Reduce:
    """A checked reduction; `fields` are the members of the kernel's struct."""

    source: Value
    output: Value
    reduction: Reduction
    fields: dict[str, Field]


def checked(site: Site) -> tuple[Value, Value, Reduction]:
    """The input, the output and what is reduced of an int8 reduction."""
    source, output = site.input(0), site.output()
    site.require(source.dtype == output.dtype == "int8", f"with types {source.dtype}, {output.dtype}", "Use int8.")
    site.require_quantized(source, output)
    over = reduction(site, source, output)
    site.require(over.count > 0, "is over no elements", "Remove the empty dimension.")
    return source, output, over


def describe_extreme(site: Site) -> Reduce:
    """Check a REDUCE_MAX or REDUCE_MIN."""
    source, output, over = checked(site)
    same = source.scale == output.scale and source.zero_point == output.zero_point
    site.require(same, "changes the scale", CONVERT_AGAIN)
    sign = 1 if site.node.op == "REDUCE_MAX" else -1
    return Reduce(source, output, over, {"shape": over.fields, "outputs": over.outputs, "sign": sign})


def describe_sum(site: Site) -> Reduce:
    """Check a SUM; it is a MEAN without the division."""
    source, output, over = checked(site)
    multiplier, shift = quantize_multiplier(source.scale / output.scale)
    bits = (over.count * 255).bit_length() + max(shift, 0)
    site.require(bits <= 31 and shift >= -31, "has an output scale out of range", CHECK_RANGES, output)
    fields: dict[str, Field] = {
        "shape": over.fields,
        "outputs": over.outputs,
        "zero_sum": source.zero_point * over.count,
        "out_zero": output.zero_point,
        "multiplier": multiplier,
        "shift": shift,
    }
    return Reduce(source, output, over, fields)


def reduce_kernel(name: str) -> Kernel[Reduce]:
    """The kernel `name`, in the header of that name, whose struct has the members `fields`."""

    def lower(problem: Reduce) -> Call:
        return Call(name, f"{name}.h", problem.fields, (problem.source.id,), (problem.output.id,))

    return Kernel(name, lower, cost=lambda problem: 6.0 * problem.source.elements)


REDUCE_MAX = Operator("REDUCE_MAX", describe_extreme, (reduce_kernel("ep_reduce_max"),))
REDUCE_MIN = Operator("REDUCE_MIN", describe_extreme, (reduce_kernel("ep_reduce_max"),))
SUM = Operator("SUM", describe_sum, (reduce_kernel("ep_mean"),))
