"""TRANSPOSE_CONV on int16 activations with int8 weights and a 64-bit bias, or none.

Reference: integer_ops/transpose_conv.h, whose 64-bit sums are added here in another order, which changes no bit.
"""

from __future__ import annotations

import numpy as np

from edgepack.compile.call import Array, Call
from edgepack.compile.operators.shared.convolution import requantization, require_steps, window_extent
from edgepack.compile.operators.shared.int16 import Weighted, accumulator_fields, require_symmetric, weighted
from edgepack.compile.operators.site import CONVERT_AGAIN, Site


def describe(site: Site) -> Weighted:
    """Check a TRANSPOSE_CONV: inputs are the output's shape, the weights, the input, and perhaps a bias."""
    filters, source, output = site.constant(1), site.input(2), site.output()
    bias = site.constant(3) if site.has_input(3) else None
    types = ("int32", "int8", "int16")
    site.require_types((*types, "int16") if bias is None else (*types, "int64", "int16"))
    require_symmetric(site, source, output)
    assert filters.data is not None
    site.require(
        len(source.shape) == len(filters.shape) == len(output.shape) == 4,
        "is not over 4 dimensions",
        "Reshape the input to [1, height, width, channels].",
    )
    channels, kernel_h, kernel_w, depth = filters.shape
    site.require(source.shape[3] == depth and depth > 0, "has filters of another depth than its input", CONVERT_AGAIN, filters)
    site.require_shape(output, (source.shape[0], output.shape[1], output.shape[2], channels))
    stride = (int(site.option("stride_h", 1)), int(site.option("stride_w", 1)))
    require_steps(site, (kernel_h, kernel_w), stride, (1, 1))
    padding = site.option("padding", "SAME")
    tops = []
    for axis, kernel in ((0, kernel_h), (1, kernel_w)):
        extent, before = window_extent(output.shape[1 + axis], kernel, stride[axis], 1, padding)
        site.require(extent == source.shape[1 + axis], "has an output that does not fit its input", CONVERT_AGAIN, output)
        tops.append(before)
    call = Call(
        kernel="ep_transpose_conv_int16",
        header="ep_transpose_conv_int16.h",
        fields={
            "batches": source.shape[0],
            "in_h": source.shape[1],
            "in_w": source.shape[2],
            "in_c": depth,
            "out_h": output.shape[1],
            "out_w": output.shape[2],
            "out_c": channels,
            "kernel_h": kernel_h,
            "kernel_w": kernel_w,
            "stride_h": stride[0],
            "stride_w": stride[1],
            "pad_top": tops[0],
            "pad_left": tops[1],
            "weights": Array(filters.data, "weights"),
            **accumulator_fields(site, requantization(site, filters.data, filters, bias, source, output)),
        },
        inputs=(source.id,),
        outputs=(output.id,),
    )
    return Weighted(call, int(np.prod(source.shape[:3])) * filters.elements)


TRANSPOSE_CONV = weighted("TRANSPOSE_CONV", describe, per_mac=12.0)
