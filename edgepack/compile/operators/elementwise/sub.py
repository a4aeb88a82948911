"""SUB: int8, with broadcasting and a fused activation.

Reference: sub.cc negates the second multiplier and runs reference/integer_ops/add.h.
"""

from __future__ import annotations

from edgepack.compile.operators.add import generic as add
from edgepack.compile.operators.kernel import Operator
from edgepack.compile.operators.shared.rows import Binary, binary_kernel, describe_binary
from edgepack.compile.operators.site import Site

MAX_RANK = 4


def describe(site: Site) -> Binary:
    """Check a SUB and scale its operands as an addition's."""
    first, second, output = describe_binary(site, MAX_RANK)
    fields = dict(add.describe(site).fields)
    multiplier = fields["multiplier_2"]
    assert isinstance(multiplier, int)
    return Binary(first, second, output, {"add": {**fields, "multiplier_2": -multiplier}})


SUB = Operator("SUB", describe, (binary_kernel("ep_sub", 60.0),))
