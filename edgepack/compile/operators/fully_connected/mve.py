"""FULLY_CONNECTED with the vector extension: kernels/fully_connected/ep_fully_connected_mve.h, or where that would have to pad weights
ep_fully_connected_rows_mve.h."""

from __future__ import annotations

import numpy as np

from edgepack.compile.call import Array, Call
from edgepack.compile.operators.conv_2d.mve import pack
from edgepack.compile.operators.fully_connected.generic import FullyConnected, for_each_output
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.mve import LANES, exact, outputs_fields

TOGETHER = 4  # outputs


def _whole(dense: FullyConnected) -> bool:
    outputs, inputs = dense.weights.shape
    return outputs % TOGETHER == inputs % LANES == 0


def _applies(dense: FullyConnected) -> bool:
    return dense.dtype == "int8" and exact(for_each_output(dense))


def _cost(dense: FullyConnected) -> float:
    """Instructions, measured on the Cortex-M55: 2.4 for 16 multiply-accumulates, 6 an output."""
    outputs, inputs = dense.weights.shape
    return 40.0 + dense.batches * outputs * (6.0 + 2.4 * -(-inputs // LANES))


def _lower(dense: FullyConnected) -> Call:
    whole, inputs = _whole(dense), dense.weights.shape[1]
    name = "ep_fully_connected_mve" if whole else "ep_fully_connected_rows_mve"
    weights = pack(dense.weights, TOGETHER).reshape(-1) if whole else np.pad(dense.weights.reshape(-1), (0, -inputs % LANES))
    return Call(
        kernel=name,
        header=f"{name}.h",
        fields={
            "batches": dense.batches,
            "in_size": inputs,
            "weights": Array(weights, "weights"),
            "outputs": outputs_fields(for_each_output(dense)),
        },
        inputs=(dense.input,),
        outputs=(dense.output,),
    )


KERNEL = Kernel("ep_fully_connected_mve", _lower, frozenset({"mve"}), _applies, _cost)
