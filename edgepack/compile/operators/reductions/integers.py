"""SUM, REDUCE_PROD, REDUCE_MAX, REDUCE_MIN of plain int32 and int64, REDUCE_ANY and REDUCE_ALL of bool, over any axes.

REDUCE_MAX and REDUCE_MIN of int16 compare the stored numbers.

Reference: reduce.cc, with reference/reduce.h.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.compile.call import Call
from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.reductions.axes import Reduction, reduction
from edgepack.compile.operators.shared.numbers import INTEGERS
from edgepack.compile.operators.site import CONVERT_AGAIN, Site

FUNCTIONS = {"SUM": 0, "REDUCE_PROD": 1, "REDUCE_MAX": 2, "REDUCE_ANY": 2, "REDUCE_MIN": 3, "REDUCE_ALL": 3}


@dataclass(frozen=True, eq=False)
class Reduce:
    """A checked reduction."""

    source: Value
    output: Value
    reduction: Reduction
    function: int


def describe(site: Site) -> Reduce:
    """Check a reduction of plain integers or bool, or of int16 that keeps its scale."""
    name, source, output = site.node.op, site.input(0), site.output()
    extreme = ("int16",) if name in ("REDUCE_MAX", "REDUCE_MIN") else ()
    allowed = ("bool",) if name in ("REDUCE_ANY", "REDUCE_ALL") else (*extreme, "int32", "int64")
    good = source.dtype == output.dtype and source.dtype in allowed
    site.require(good, f"with types {source.dtype}, {output.dtype}", f"It is compiled for {', '.join(allowed)}.")
    site.require(source.scales == output.scales and source.zero_points == output.zero_points, "changes the scale", CONVERT_AGAIN)
    over = reduction(site, source, output)
    site.require(over.count > 0, "is over no elements", "Remove the empty dimension.")
    return Reduce(source, output, over, FUNCTIONS[name])


def _lower(op: Reduce) -> Call:
    return Call(
        kernel="ep_integer_reduce",
        header="ep_integer_reduce.h",
        fields={
            "shape": op.reduction.fields,
            "outputs": op.reduction.outputs,
            "type": INTEGERS[op.source.dtype],
            "function": op.function,
        },
        inputs=(op.source.id,),
        outputs=(op.output.id,),
    )


_KERNEL: Kernel[Reduce] = Kernel("ep_integer_reduce", _lower, cost=lambda op: 15.0 * op.source.elements)
SUM = Operator("SUM", describe, (_KERNEL,))
REDUCE_PROD = Operator("REDUCE_PROD", describe, (_KERNEL,))
REDUCE_MAX = Operator("REDUCE_MAX", describe, (_KERNEL,))
REDUCE_MIN = Operator("REDUCE_MIN", describe, (_KERNEL,))
REDUCE_ANY = Operator("REDUCE_ANY", describe, (_KERNEL,))
REDUCE_ALL = Operator("REDUCE_ALL", describe, (_KERNEL,))
