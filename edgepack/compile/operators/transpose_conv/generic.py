"""TRANSPOSE_CONV: int8, per-channel or per-tensor weights, with or without a bias.

Reference: reference/integer_ops/transpose_conv.h. Inputs are the output's shape, the filters, the tensor and the bias.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgepack.compile.call import Array, Call
from edgepack.compile.graph import Data, Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.shared.convolution import filter_types, requantization, require_steps, window_extent
from edgepack.compile.operators.shared.requantize import Requantization, requantization_fields
from edgepack.compile.operators.site import CONVERT_AGAIN, Site


@dataclass(frozen=True, eq=False)
class TransposeConv:
    """A checked transposed convolution. `weights` is (out_c, kernel_h, kernel_w, in_c)."""

    source: Value
    output: Value
    weights: Data
    stride: tuple[int, int]
    pad: tuple[int, int]
    requantization: Requantization

    @property
    def macs(self) -> int:
        """Multiply-accumulates, counting those that fall outside the output."""
        return self.source.elements // self.source.shape[3] * int(self.weights.size)


def describe(site: Site) -> TransposeConv:
    """Check a TRANSPOSE_CONV and gather its numbers."""
    shape, filters, source, output = site.input(0), site.constant(1), site.input(2), site.output()
    bias = site.constant(3) if site.has_input(3) else None
    ends = ("int8", "int8") if bias is None else ("int8", "int32", "int8")
    site.require_types(*(("int32", weights, *ends) for weights in filter_types(site)))
    four = len(source.shape) == len(filters.shape) == len(output.shape) == 4
    site.require(four, "is not over 4 dimensions", "Reshape the input to [1, height, width, channels].")
    assert filters.data is not None
    if shape.data is not None:  # else the file's shape of the output is what there is: memory is planned for it
        site.require_shape(output, [int(extent) for extent in shape.data.reshape(-1)])
    weights = filters.data
    channels, kernel_h, kernel_w, depth = weights.shape
    good = depth == source.shape[3] and channels == output.shape[3] and source.shape[0] == output.shape[0]
    site.require(good, f"has filters of shape {list(weights.shape)} for {list(source.shape)}", CONVERT_AGAIN, filters)
    stride = (int(site.option("stride_h", 1)), int(site.option("stride_w", 1)))
    require_steps(site, (kernel_h, kernel_w), stride, (1, 1))
    padding = str(site.option("padding", "SAME"))
    _, top = window_extent(output.shape[1], kernel_h, stride[0], 1, padding)
    _, left = window_extent(output.shape[2], kernel_w, stride[1], 1, padding)
    requant = requantization(site, weights, filters, bias, source, output, bounds=source.limits)
    weights = requant.without(weights)
    unfolded = requant.bias + source.zero_point * weights.reshape(channels, -1).astype(np.int64).sum(axis=1)
    return TransposeConv(source, output, weights, stride, (top, left), replace(requant, bias=unfolded))


def portable(conv: TransposeConv) -> Call:
    """The call of the portable kernel."""
    batches, in_h, in_w, in_c = conv.source.shape
    _, out_h, out_w, out_c = conv.output.shape
    return Call(
        kernel="ep_transpose_conv",
        header="ep_transpose_conv.h",
        fields={
            "batches": batches,
            "in_h": in_h,
            "in_w": in_w,
            "in_c": in_c,
            "out_h": out_h,
            "out_w": out_w,
            "out_c": out_c,
            "kernel_h": conv.weights.shape[1],
            "kernel_w": conv.weights.shape[2],
            "stride_h": conv.stride[0],
            "stride_w": conv.stride[1],
            "pad_top": conv.pad[0],
            "pad_left": conv.pad[1],
            "in_zero": conv.source.zero_point,
            "weights": Array(conv.weights, "weights"),
            **requantization_fields(conv.requantization),
        },
        inputs=(conv.source.id,),
        outputs=(conv.output.id,),
    )


def cost(conv: TransposeConv) -> float:
    """Instructions: 8 a multiply-accumulate."""
    return 8.0 * conv.macs


TRANSPOSE_CONV = Operator("TRANSPOSE_CONV", describe, (Kernel("ep_transpose_conv", portable, cost=cost),))
