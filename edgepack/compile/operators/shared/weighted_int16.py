"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED on int16 activations with int8 weights.

Reference: integer_ops/conv.h, depthwise_conv.h, fully_connected.h, the int16 forms: 64-bit accumulators, rescaled by a 15-bit
multiplier. With a 32-bit bias the accumulators and the rescaling are the int8 kernels'; of FULLY_CONNECTED, only tflite-runtime
has that form.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.compile.call import Array, Call, Field
from edgepack.compile.graph import BYTES
from edgepack.compile.operators.conv_2d import generic as conv_2d
from edgepack.compile.operators.depthwise_conv_2d import generic as depthwise_conv_2d
from edgepack.compile.operators.fully_connected import generic as fully_connected
from edgepack.compile.operators.registry import Kernel, Operator, Site, register_for
from edgepack.compile.operators.shared.chase import chase
from edgepack.compile.operators.shared.int16 import accumulator_fields

ELEMENT = BYTES["int16"]


@dataclass(frozen=True, eq=False)
class Weighted:
    """A checked operator and its call."""

    call: Call
    macs: int


def describe_conv_2d(site: Site) -> Weighted:
    """Check a CONV_2D."""
    conv = conv_2d.describe(site)
    shape = {name: value for name, value in conv_2d.shape_fields(conv).items() if name not in ("out_c", "in_zero")}
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
        overlaps=chase(conv_2d.walk(conv, int(conv.groups == 1)), conv.input, conv.output) if conv.in_shape[0] == 1 else (),
    )
    return Weighted(call, conv.macs)


def describe_depthwise_conv_2d(site: Site) -> Weighted:
    """Check a DEPTHWISE_CONV_2D; no reference has one with a 32-bit bias."""
    conv = depthwise_conv_2d.describe(site)
    site.require(conv.requantization.wide, "has a 32-bit bias, with int16 activations", "Convert it with a 64-bit bias.")
    batches, in_h, in_w, in_c = conv.in_shape
    fields: dict[str, Field] = {
        "batches": batches,
        "in_h": in_h,
        "in_w": in_w,
        "in_c": in_c,
        "out_h": conv.out_shape[1],
        "out_w": conv.out_shape[2],
        "kernel_h": conv.kernel[0],
        "kernel_w": conv.kernel[1],
        "stride_h": conv.stride[0],
        "stride_w": conv.stride[1],
        "dilation_h": conv.dilation[0],
        "dilation_w": conv.dilation[1],
        "pad_top": conv.padding.top,
        "pad_left": conv.padding.left,
        "depth": conv.multiplier,
        "weights": Array(conv.weights, "weights"),
        **accumulator_fields(site, conv.requantization),
    }
    overlaps = chase(depthwise_conv_2d.walk(conv, 0), conv.input, conv.output) if batches == 1 else ()
    call = Call(
        kernel="ep_depthwise_conv_2d_int16",
        header="ep_depthwise_conv_2d_int16.h",
        fields=fields,
        inputs=(conv.input,),
        outputs=(conv.output,),
        overlaps=overlaps,
    )
    return Weighted(call, conv.macs)


def describe_fully_connected(site: Site) -> Weighted:
    """Check a FULLY_CONNECTED, with one scale or one an output."""
    dense = fully_connected.describe(site)
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


for _name, _describe in (
    ("CONV_2D", describe_conv_2d),
    ("DEPTHWISE_CONV_2D", describe_depthwise_conv_2d),
    ("FULLY_CONNECTED", describe_fully_connected),
):
    _kernel: Kernel[Weighted] = Kernel(
        f"ep_{_name.lower()}_int16", lambda weighted: weighted.call, cost=lambda weighted: 8.0 * weighted.macs
    )
    register_for("int16", Operator(_name, _describe, (_kernel,)))
