"""FULLY_CONNECTED on int16 activations with int8 weights.

Reference: integer_ops/fully_connected.h, the int16 forms: 64-bit accumulators, rescaled by a 15-bit multiplier. With a 32-bit
bias the accumulators and the rescaling are the int8 kernel's; only tflite-runtime has that form.
"""

from __future__ import annotations

from edgepack.compile.call import Array, Call, Field
from edgepack.compile.operators.fully_connected import generic
from edgepack.compile.operators.shared.int16 import Weighted, accumulator_fields, weighted
from edgepack.compile.operators.site import Site


def describe(site: Site) -> Weighted:
    """Check a FULLY_CONNECTED, with one scale or one an output."""
    dense = generic.describe(site)
    fields: dict[str, Field] = {
        "batches": dense.batches,
        "in_size": dense.weights.shape[1],
        "out_size": dense.weights.shape[0],
        "per_channel": int(dense.requantization.multiplier.size > 1),
        "weights": Array(dense.weights, "weights"),
        **accumulator_fields(site, dense.requantization),
    }
    call = Call("ep_fully_connected_int16", "ep_fully_connected_int16.h", fields, (dense.input,), (dense.output,))
    return Weighted(call, dense.macs)


FULLY_CONNECTED = weighted("FULLY_CONNECTED", describe)
