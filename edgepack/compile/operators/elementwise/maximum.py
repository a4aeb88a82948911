"""MAXIMUM and MINIMUM: int8, with broadcasting.

Reference: reference/maximum_minimum.h compares stored values, whatever their scales: converters give all three tensors one.
"""

from __future__ import annotations

from edgepack.compile.operators.registry import Operator, Site, register
from edgepack.compile.operators.shared.rows import Binary, binary_kernel, describe_binary

MAX_RANK = 5


def describe(site: Site) -> Binary:
    """Check a MAXIMUM or MINIMUM."""
    first, second, output = describe_binary(site, MAX_RANK)
    return Binary(first, second, output, {"minimum": int(site.node.op == "MINIMUM")})


for _name in ("MAXIMUM", "MINIMUM"):
    register(Operator(_name, describe, (binary_kernel("ep_maximum", 8.0),)))
