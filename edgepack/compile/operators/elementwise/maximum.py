"""MAXIMUM and MINIMUM: int8, with broadcasting.

Reference: reference/maximum_minimum.h compares stored values, whatever their scales: converters give all three tensors one.
"""

from __future__ import annotations

from edgepack.compile.operators.kernel import Operator
from edgepack.compile.operators.shared.rows import Binary, binary_kernel, describe_binary
from edgepack.compile.operators.site import Site

MAX_RANK = 5


def describe(site: Site) -> Binary:
    """Check a MAXIMUM or MINIMUM."""
    first, second, output = describe_binary(site, MAX_RANK)
    return Binary(first, second, output, {"minimum": int(site.node.op == "MINIMUM")})


_KERNEL = binary_kernel("ep_maximum", 8.0)
MAXIMUM = Operator("MAXIMUM", describe, (_KERNEL,))
MINIMUM = Operator("MINIMUM", describe, (_KERNEL,))
