"""SELECT and SELECT_V2: of two tensors, element by element, the one that a bool tensor says.

Reference: select.cc.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.compile.call import Call
from edgepack.compile.graph import BYTES, Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.movement.copying import MOVED
from edgepack.compile.operators.shared.broadcast import broadcast_fields, broadcast_shape
from edgepack.compile.operators.site import Site


@dataclass(frozen=True, eq=False)
class Select:
    """A checked choice between two values."""

    condition: Value
    first: Value
    second: Value
    output: Value


def describe(site: Site) -> Select:
    """Check a SELECT or SELECT_V2."""
    condition, first, second, output = site.input(0), site.input(1), site.input(2), site.output()
    site.require_types(*(("bool", dtype, dtype, dtype) for dtype in MOVED))
    if site.node.op == "SELECT":
        same = first.shape == second.shape == condition.shape
        site.require(same, "has operands of several shapes", "Use tf.where, which becomes SELECT_V2.")
    shape = broadcast_shape(site, broadcast_shape(site, first.shape, second.shape), condition.shape)
    site.require_shape(output, shape)
    return Select(condition, first, second, output)


def _lower(select: Select) -> Call:
    shape, condition = select.output.shape, select.condition.shape
    return Call(
        kernel="ep_select",
        header="ep_select.h",
        fields={
            "size": select.output.elements,
            "bytes": BYTES[select.output.dtype],
            "values": broadcast_fields(shape, select.first.shape, select.second.shape),
            "conditions": broadcast_fields(shape, condition, condition),
        },
        inputs=(select.condition.id, select.first.id, select.second.id),
        outputs=(select.output.id,),
    )


_KERNEL: Kernel[Select] = Kernel("ep_select", _lower, cost=lambda select: 60.0 * select.output.elements)
SELECT = Operator("SELECT", describe, (_KERNEL,))
SELECT_V2 = Operator("SELECT_V2", describe, (_KERNEL,))
