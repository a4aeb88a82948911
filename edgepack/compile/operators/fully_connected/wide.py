"""FULLY_CONNECTED with weights of 9 bits: kernels/fully_connected/ep_fully_connected_wide.h.

Reference: reference/fully_connected.h, on uint8.
"""

from __future__ import annotations

from edgepack.compile.call import Call
from edgepack.compile.operators.fully_connected.generic import FullyConnected, cost, portable
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.wide import is_wide, wide_call


def _lower(dense: FullyConnected) -> Call:
    return wide_call(portable(dense), dense.weights)


KERNEL = Kernel("ep_fully_connected_wide", _lower, applies=is_wide, cost=cost, wide=True)
