"""FULLY_CONNECTED with the vector extension: kernels/fully_connected/ep_fully_connected_mve.h."""

from __future__ import annotations

from edgepack.compile.call import Array, Call
from edgepack.compile.operators.conv_2d.mve import pack
from edgepack.compile.operators.fully_connected.generic import FullyConnected, for_each_output
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.mve import LANES, exact, outputs_fields

TOGETHER = 4  # outputs


def _applies(dense: FullyConnected) -> bool:
    return dense.dtype == "int8" and exact(for_each_output(dense))


def _cost(dense: FullyConnected) -> float:
    """Instructions, measured on the Cortex-M55: 2.4 for 16 multiply-accumulates, 6 an output."""
    outputs, inputs = dense.weights.shape
    return 40.0 + dense.batches * outputs * (6.0 + 2.4 * -(-inputs // LANES))


def _lower(dense: FullyConnected) -> Call:
    inputs = dense.weights.shape[1]
    weights = pack(dense.weights, TOGETHER)
    return Call(
        kernel="ep_fully_connected_mve",
        header="ep_fully_connected_mve.h",
        fields={
            "batches": dense.batches,
            "in_size": inputs,
            "weights": Array(weights.reshape(-1), "weights"),
            "outputs": outputs_fields(for_each_output(dense)),
        },
        inputs=(dense.input,),
        outputs=(dense.output,),
    )


KERNEL = Kernel("ep_fully_connected_mve", _lower, frozenset({"mve"}), _applies, _cost)
