"""LOGICAL_AND and LOGICAL_OR of bool, with broadcasting.

Reference: logical.cc.
"""

from __future__ import annotations

from edgepack.compile.operators.elementwise.compare import operands
from edgepack.compile.operators.kernel import Operator
from edgepack.compile.operators.shared.rows import Binary, binary_kernel
from edgepack.compile.operators.site import Site


def describe(site: Site) -> Binary:
    """Check a LOGICAL_AND or LOGICAL_OR."""
    site.require_types(("bool", "bool", "bool"))
    return Binary(*operands(site), {"both": int(site.node.op == "LOGICAL_AND")})


_KERNEL = binary_kernel("ep_logical", 8.0)
LOGICAL_AND = Operator("LOGICAL_AND", describe, (_KERNEL,))
LOGICAL_OR = Operator("LOGICAL_OR", describe, (_KERNEL,))
