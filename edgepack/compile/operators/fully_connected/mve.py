"""FULLY_CONNECTED with the vector extension: kernels/fully_connected/ep_fully_connected_mve.h.

Where that would have to pad weights, and where layers share them, ep_fully_connected_rows_mve.h.
"""

from __future__ import annotations

import numpy as np

from edgepack.compile.call import Array, Call
from edgepack.compile.operators.conv_2d.mve import pack
from edgepack.compile.operators.fully_connected.generic import FullyConnected, for_each_output
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.mve import LANES, biased_fields, exact, outputs_fields

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
    requantization, inputs = for_each_output(dense), dense.weights.shape[1]
    if _whole(dense) and not dense.shared:
        name, weights, biases = "ep_fully_connected_mve", pack(dense.weights, TOGETHER).reshape(-1), {}
        outputs = outputs_fields(requantization)
    else:
        name, weights = "ep_fully_connected_rows_mve", np.pad(dense.weights.reshape(-1), (0, -inputs % LANES))
        apart = biased_fields(requantization) if dense.shared else None
        biases = {"biases": Array(apart[0], "biases") if apart else None}
        outputs = apart[1] if apart else outputs_fields(requantization)
    return Call(
        kernel=name,
        header=f"{name}.h",
        fields={"batches": dense.batches, "in_size": inputs, "weights": Array(weights, "weights"), **biases, "outputs": outputs},
        inputs=(dense.input,),
        outputs=(dense.output,),
    )


KERNEL = Kernel("ep_fully_connected_mve", _lower, frozenset({"mve"}), _applies, _cost)
