"""DEPTHWISE_CONV_2D: int8, any depth multiplier.

Reference: reference/integer_ops/depthwise_conv.h, DepthwiseConvPerChannel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgepack.compile.call import Array, Call
from edgepack.compile.operators.kernel import Kernel, Operator, Range, Ranges, always
from edgepack.compile.operators.shared.chase import chase
from edgepack.compile.operators.shared.convolution import Convolution, requantization, require_filter_types, walk, window_padding
from edgepack.compile.operators.shared.ranges import weighted_range
from edgepack.compile.operators.shared.requantize import requantization_fields
from edgepack.compile.operators.site import Site


@dataclass(frozen=True, eq=False)
class DepthwiseConv2D(Convolution):
    """A checked depthwise convolution. `weights` is (kernel_h, kernel_w, out_c)."""

    operator: ClassVar[str] = "DEPTHWISE_CONV_2D"

    @property
    def kernel(self) -> tuple[int, int]:
        """Kernel height and width."""
        return self.weights.shape[0], self.weights.shape[1]

    @property
    def multiplier(self) -> int:
        """Output channels of each input channel."""
        return self.out_shape[3] // self.in_shape[3]

    @property
    def macs(self) -> int:
        """Multiply-accumulates, counting those on padding."""
        return int(np.prod(self.out_shape)) * self.kernel[0] * self.kernel[1]


def describe(site: Site) -> DepthwiseConv2D:
    """Check a DEPTHWISE_CONV_2D and gather its numbers."""
    source, filters, output = site.input(0), site.constant(1), site.output()
    bias = site.constant(2) if site.has_input(2) else None
    require_filter_types(site)
    site.require(
        len(source.shape) == 4 and len(filters.shape) == 4 and filters.shape[0] == 1,
        "is not over 4 dimensions",
        "Reshape the input to [1, height, width, channels].",
    )
    assert filters.data is not None
    _, kernel_h, kernel_w, channels = filters.shape
    site.require(
        source.shape[3] > 0 and channels % source.shape[3] == 0,
        f"has {channels} filters for {source.shape[3]} channels",
        "The number of filters must be a multiple of the input's channels.",
    )
    stride = (int(site.option("stride_h", 1)), int(site.option("stride_w", 1)))
    dilation = (int(site.option("dilation_h_factor", 1)), int(site.option("dilation_w_factor", 1)))
    padding = window_padding(site, (source.shape[1], source.shape[2]), (kernel_h, kernel_w), stride, dilation)
    site.require_shape(output, (source.shape[0], padding.out_h, padding.out_w, channels))
    bounds = source.limits
    if bounds is not None:
        low, high = (np.repeat(limit, channels // source.shape[3])[:, None, None] for limit in bounds)
        bounds = low, high
    requant = requantization(site, np.moveaxis(filters.data[0], 2, 0), filters, bias, source, output, bounds=bounds)
    return DepthwiseConv2D(
        input=source.id,
        output=output.id,
        in_shape=source.shape,
        out_shape=output.shape,
        dtype=source.dtype,
        weights=requant.without(filters.data[0], axis=2),
        stride=stride,
        dilation=dilation,
        padding=padding,
        in_zero=source.zero_point,
        requantization=requant,
        layer=output.layer,
    )


def _ranges(conv: DepthwiseConv2D, ranges: Ranges) -> Range | None:
    low, high = ranges[conv.input]
    low, high = np.minimum(low, conv.in_zero), np.maximum(high, conv.in_zero)  # padding reads the zero point
    weights = np.moveaxis(conv.weights, 2, 0).reshape(conv.weights.shape[2], -1).astype(np.int64)
    low, high = (np.repeat(bound, conv.multiplier)[:, None] for bound in (low, high))
    return weighted_range(weights, low, high, conv.requantization)


def portable(conv: DepthwiseConv2D) -> Call:
    """The call of the portable kernel."""
    batches, in_h, in_w, in_c = conv.in_shape
    _, out_h, out_w, _ = conv.out_shape
    return Call(
        kernel="ep_depthwise_conv_2d",
        header="ep_depthwise_conv_2d.h",
        fields={
            "batches": batches,
            "in_h": in_h,
            "in_w": in_w,
            "in_c": in_c,
            "out_h": out_h,
            "out_w": out_w,
            **conv.window_fields(),
            "depth": conv.multiplier,
            "in_zero": conv.in_zero,
            "weights": Array(conv.weights, "weights"),
            **requantization_fields(conv.requantization),
        },
        inputs=(conv.input,),
        outputs=(conv.output,),
        scratch=conv.kernel[0] * conv.kernel[1] * in_c,
        overlaps=chase(walk(conv, 1), conv.input, conv.output) if batches == 1 else (),
    )


def cost(conv: DepthwiseConv2D) -> float:
    """Instructions, measured on the Cortex-M0+: 11 a multiply-accumulate, 90 an output, 20 and 1 a channel for a pixel's tap."""
    pixels, taps = int(np.prod(conv.out_shape[:3])), conv.kernel[0] * conv.kernel[1]
    return pixels * (taps * (20.0 + 1.0 * conv.in_shape[3]) + conv.out_shape[3] * (90.0 + 11.0 * taps))


DEPTHWISE_CONV_2D = Operator(
    "DEPTHWISE_CONV_2D",
    describe,
    (Kernel("ep_depthwise_conv_2d", portable, cost=cost),),
    ranges=_ranges,
    channels_apart=always,
    explicit_padding="zero",
)
