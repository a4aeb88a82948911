"""FULLY_CONNECTED for cores without SIMD, in assembly: kernels/fully_connected/ep_fully_connected_lanes.h."""

from __future__ import annotations

import numpy as np

from edgepack.compile.call import Array, Call
from edgepack.compile.operators.conv_2d.lanes import lanes_fields
from edgepack.compile.operators.fully_connected.generic import FullyConnected, for_each_output
from edgepack.compile.operators.kernel import Kernel


def _cost(dense: FullyConnected) -> float:
    """Instructions, measured on the Cortex-M0+: 4.4 a multiply-accumulate, 48 an output.

    700 more, so that a small layer alone does not bring its code.
    """
    outputs, inputs = dense.weights.shape
    fours = -(-outputs // 4) * 4
    return 700.0 + dense.batches * (fours * 4.4 * (-(-inputs // 4) * 4) + 48.0 * outputs)


def _lower(dense: FullyConnected) -> Call:
    outputs, inputs = dense.weights.shape
    padded = np.pad(dense.weights, ((0, -outputs % 4), (0, -inputs % 4)))
    words = np.ascontiguousarray(padded.reshape(-1, 4, padded.shape[1] // 4, 4).transpose(0, 2, 1, 3)).view("<i4")
    return Call(
        kernel="ep_fully_connected_lanes",
        header="ep_fully_connected_lanes.h",
        fields={
            "batches": dense.batches,
            "in_size": inputs,
            "out_size": outputs,
            "weights": Array(words.reshape(-1).astype(np.int32), "weights", packed=True),
            **lanes_fields(for_each_output(dense)),
        },
        inputs=(dense.input,),
        outputs=(dense.output,),
    )


KERNEL = Kernel("ep_fully_connected_lanes", _lower, frozenset({"armv6m"}), lambda dense: dense.dtype == "int8", _cost)
