"""CONV_2D on int16 activations with int8 weights.

Reference: integer_ops/conv.h, the int16 forms: 64-bit accumulators, rescaled by a 15-bit multiplier. With a 32-bit bias the
accumulators and the rescaling are the int8 kernel's.
"""

from __future__ import annotations

from edgepack.compile.call import Array, Call
from edgepack.compile.graph import BYTES
from edgepack.compile.operators.conv_2d import generic
from edgepack.compile.operators.shared.chase import chase
from edgepack.compile.operators.shared.convolution import walk
from edgepack.compile.operators.shared.int16 import Weighted, accumulator_fields, weighted
from edgepack.compile.operators.site import Site

ELEMENT = BYTES["int16"]


def describe(site: Site) -> Weighted:
    """Check a CONV_2D."""
    conv = generic.describe(site)
    shape = {name: value for name, value in generic.shape_fields(conv).items() if name not in ("out_c", "in_zero")}
    patch = conv.weights[0].size
    call = Call(
        kernel="ep_conv_2d_int16",
        header="ep_conv_2d_int16.h",
        fields={
            **shape,
            "groups": conv.groups,
            "group_in": conv.weights.shape[3],
            "group_out": conv.weights.shape[0] // conv.groups,
            "weights": Array(conv.weights, "weights"),
            **accumulator_fields(site, conv.requantization),
        },
        inputs=(conv.input,),
        outputs=(conv.output,),
        scratch=patch * ELEMENT,
        overlaps=chase(walk(conv, int(conv.groups == 1)), conv.input, conv.output) if conv.in_shape[0] == 1 else (),
    )
    return Weighted(call, conv.macs)


CONV_2D = weighted("CONV_2D", describe)
