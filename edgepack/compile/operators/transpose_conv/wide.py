"""TRANSPOSE_CONV with weights of 9 bits: kernels/transpose_conv/ep_transpose_conv_wide.h.

Reference: reference/transpose_conv.h, on uint8.
"""

from __future__ import annotations

from edgepack.compile.call import Call
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.wide import is_wide, wide_call
from edgepack.compile.operators.transpose_conv.generic import TransposeConv, cost, portable


def _lower(conv: TransposeConv) -> Call:
    return wide_call(portable(conv), conv.weights)


KERNEL = Kernel("ep_transpose_conv_wide", _lower, applies=is_wide, cost=cost, wide=True)
