"""FULLY_CONNECTED with the DSP extension: kernels/fully_connected/ep_fully_connected_dsp.h."""

from __future__ import annotations

from edgepack.compile.call import Array, Call
from edgepack.compile.operators.fully_connected.generic import FullyConnected
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.convolution import padded_rows
from edgepack.compile.operators.shared.requantize import short_fields
from edgepack.compile.operators.shared.wide import stored


def _applies(dense: FullyConnected) -> bool:
    return dense.dtype == "int8" and dense.requantization.short


def _cost(dense: FullyConnected) -> float:
    """Instructions: 1.8 a multiply-accumulate, 20 an output; measured on the Cortex-M4."""
    return 1.8 * dense.macs + 20.0 * dense.batches * dense.weights.shape[0]


def _lower(dense: FullyConnected) -> Call:
    weights, zero = stored(dense.weights)
    rows = padded_rows(weights)
    return Call(
        kernel="ep_fully_connected_dsp",
        header="ep_fully_connected_dsp.h",
        fields={
            "batches": dense.batches,
            "in_size": dense.weights.shape[1],
            "out_size": dense.weights.shape[0],
            "row": rows.shape[1],
            "weight_zero": zero,
            "per_channel": int(dense.requantization.multiplier.size > 1),
            "weights": Array(rows, "weights"),
            **short_fields(dense.requantization),
        },
        inputs=(dense.input,),
        outputs=(dense.output,),
    )


KERNEL = Kernel("ep_fully_connected_dsp", _lower, frozenset({"dsp"}), _applies, _cost, wide=True)
