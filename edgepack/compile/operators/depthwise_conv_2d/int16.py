"""DEPTHWISE_CONV_2D on int16 activations with int8 weights.

Reference: integer_ops/depthwise_conv.h, the int16 form: 64-bit accumulators, rescaled by a 15-bit multiplier.
"""

from __future__ import annotations

from edgepack.compile.call import Array, Call, Field
from edgepack.compile.operators.depthwise_conv_2d import generic
from edgepack.compile.operators.shared.chase import chase
from edgepack.compile.operators.shared.convolution import walk
from edgepack.compile.operators.shared.int16 import Weighted, accumulator_fields, weighted
from edgepack.compile.operators.site import Site


def describe(site: Site) -> Weighted:
    """Check a DEPTHWISE_CONV_2D; no reference has one with a 32-bit bias."""
    conv = generic.describe(site)
    site.require(conv.requantization.wide, "has a 32-bit bias, with int16 activations", "Convert it with a 64-bit bias.")
    batches, in_h, in_w, in_c = conv.in_shape
    fields: dict[str, Field] = {
        "batches": batches,
        "in_h": in_h,
        "in_w": in_w,
        "in_c": in_c,
        "out_h": conv.out_shape[1],
        "out_w": conv.out_shape[2],
        **conv.window_fields(),
        "depth": conv.multiplier,
        "weights": Array(conv.weights, "weights"),
        **accumulator_fields(site, conv.requantization),
    }
    overlaps = chase(walk(conv, 0), conv.input, conv.output) if batches == 1 else ()
    call = Call(
        kernel="ep_depthwise_conv_2d_int16",
        header="ep_depthwise_conv_2d_int16.h",
        fields=fields,
        inputs=(conv.input,),
        outputs=(conv.output,),
        overlaps=overlaps,
    )
    return Weighted(call, conv.macs)


DEPTHWISE_CONV_2D = weighted("DEPTHWISE_CONV_2D", describe)
