"""ADD on int16 activations: shared/binary_int16.py."""

from __future__ import annotations

from edgepack.compile.operators.kernel import Operator
from edgepack.compile.operators.shared.binary_int16 import Binary, binary_kernel_int16, describe_sum
from edgepack.compile.operators.site import Site


def describe(site: Site) -> Binary:
    """Check an ADD."""
    return describe_sum(site, 1)


ADD = Operator("ADD", describe, (binary_kernel_int16("ep_add_int16"),))
