"""NEG, ABS and SIGN of plain integers, LOGICAL_NOT of bool.

Reference: reference/neg.h, elementwise.cc, sign.cc. ABS and NEG of int8 have scales: activations/ has them.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.compile.call import Call, in_place
from edgepack.compile.graph import Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.shared.numbers import INTEGERS
from edgepack.compile.operators.site import Site

FUNCTIONS = {"NEG": 0, "ABS": 1, "SIGN": 2, "LOGICAL_NOT": 3}
TYPES = {"NEG": ("int32", "int64"), "LOGICAL_NOT": ("bool",)}


@dataclass(frozen=True, eq=False)
class Unary:
    """A checked function of each element."""

    source: Value
    output: Value
    function: int


def describe(site: Site) -> Unary:
    """Check a NEG, ABS, SIGN or LOGICAL_NOT."""
    name = site.node.op
    site.require_types(*((dtype, dtype) for dtype in TYPES.get(name, ("int32",))))
    source, output = site.input(0), site.output()
    site.require_shape(output, source.shape)
    return Unary(source, output, FUNCTIONS[name])


def _lower(unary: Unary) -> Call:
    return Call(
        kernel="ep_integer_unary",
        header="ep_integer_unary.h",
        fields={"size": unary.output.elements, "type": INTEGERS[unary.output.dtype], "function": unary.function},
        inputs=(unary.source.id,),
        outputs=(unary.output.id,),
        overlaps=in_place((unary.source.id,), unary.output.id),
    )


_KERNEL: Kernel[Unary] = Kernel("ep_integer_unary", _lower, cost=lambda unary: 12.0 * unary.output.elements)
NEG = Operator("NEG", describe, (_KERNEL,))
ABS = Operator("ABS", describe, (_KERNEL,))
SIGN = Operator("SIGN", describe, (_KERNEL,))
LOGICAL_NOT = Operator("LOGICAL_NOT", describe, (_KERNEL,))
