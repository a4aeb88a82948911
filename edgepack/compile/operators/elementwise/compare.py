"""EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL of int8; LOGICAL_AND, LOGICAL_OR; SELECT and SELECT_V2.

References: comparisons.cc with reference/comparisons.h (both operands scaled to a common grid), logical.cc, select.cc.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.compile.call import Call
from edgepack.compile.graph import Value
from edgepack.compile.operators.registry import CHECK_RANGES, Kernel, Operator, Site, register
from edgepack.compile.operators.shared.broadcast import broadcast_fields, broadcast_shape
from edgepack.compile.operators.shared.rows import Binary, binary_kernel
from edgepack.compile.quantize import quantize_multiplier

ACCEPT = {"LESS": 1, "EQUAL": 2, "LESS_EQUAL": 3, "GREATER": 4, "NOT_EQUAL": 5, "GREATER_EQUAL": 6}
MAX_RANK = 4


@dataclass(frozen=True, eq=False)
class Select:
    """A checked choice between two values."""

    condition: Value
    first: Value
    second: Value
    output: Value


def _operands(site: Site) -> tuple[Value, Value, Value]:
    """Two operands that broadcast, and the output of their common shape."""
    first, second, output = site.input(0), site.input(1), site.output()
    shape = broadcast_shape(site, first.shape, second.shape)
    site.require_shape(output, shape)
    same = first.shape == second.shape
    site.require(same or len(shape) <= MAX_RANK, f"broadcasts over {len(shape)} dimensions", f"Reshape to at most {MAX_RANK}.")
    return first, second, output


def describe_comparison(site: Site) -> Binary:
    """Check a comparison and scale its operands."""
    site.require_types(("int8", "int8", "bool"))
    first, second, output = _operands(site)
    site.require_quantized(first, second)
    site.require(max(first.scale, second.scale) < 1.0, "compares tensors of a scale of 1 or more", CHECK_RANGES)
    fields = {"accept": ACCEPT[site.node.op]}
    for place, value in enumerate((first, second), 1):
        multiplier, shift = quantize_multiplier(value.scale)
        site.require(shift >= -31, "has an input scale too small to compute with", CHECK_RANGES, value)
        fields |= {f"zero_{place}": value.zero_point, f"multiplier_{place}": multiplier, f"shift_{place}": shift}
    return Binary(first, second, output, dict(fields))


def describe_logical(site: Site) -> Binary:
    """Check a LOGICAL_AND or LOGICAL_OR."""
    site.require_types(("bool", "bool", "bool"))
    return Binary(*_operands(site), {"both": int(site.node.op == "LOGICAL_AND")})


def describe_select(site: Site) -> Select:
    """Check a SELECT or SELECT_V2."""
    condition, first, second, output = site.input(0), site.input(1), site.input(2), site.output()
    site.require_types(("bool", "int8", "int8", "int8"))
    if site.node.op == "SELECT":
        same = first.shape == second.shape == condition.shape
        site.require(same, "has operands of several shapes", "Use tf.where, which becomes SELECT_V2.")
    shape = broadcast_shape(site, broadcast_shape(site, first.shape, second.shape), condition.shape)
    site.require_shape(output, shape)
    return Select(condition, first, second, output)


def _lower_select(select: Select) -> Call:
    shape, condition = select.output.shape, select.condition.shape
    return Call(
        kernel="ep_select",
        header="ep_select.h",
        fields={
            "size": select.output.elements,
            "values": broadcast_fields(shape, select.first.shape, select.second.shape),
            "conditions": broadcast_fields(shape, condition, condition),
        },
        inputs=(select.condition.id, select.first.id, select.second.id),
        outputs=(select.output.id,),
    )


for _name in ACCEPT:
    register(Operator(_name, describe_comparison, (binary_kernel("ep_compare", 60.0),)))
for _name in ("LOGICAL_AND", "LOGICAL_OR"):
    register(Operator(_name, describe_logical, (binary_kernel("ep_logical", 8.0),)))
for _name in ("SELECT", "SELECT_V2"):
    _kernel: Kernel[Select] = Kernel("ep_select", _lower_select, cost=lambda select: 60.0 * select.output.elements)
    register(Operator(_name, describe_select, (_kernel,)))
