"""CONV_2D with weights of 9 bits: kernels/conv_2d/ep_conv_2d_wide.h.

Reference: reference/conv.h, on uint8.
"""

from __future__ import annotations

from edgepack.compile.call import Call
from edgepack.compile.operators.conv_2d.generic import Conv2D, cost, portable
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.wide import is_wide, wide_call


def _lower(conv: Conv2D) -> Call:
    return wide_call(portable(conv), conv.weights)


KERNEL = Kernel("ep_conv_2d_wide", _lower, applies=is_wide, cost=cost, wide=True)
