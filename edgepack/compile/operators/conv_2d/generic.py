"""CONV_2D: int8, per-channel or per-tensor weights, grouped when the input has a multiple of the filter's channels.

Reference: tensorflow/lite/kernels/internal/reference/integer_ops/conv.h, ConvPerChannel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from edgepack.compile.call import Array, Call, Field
from edgepack.compile.operators.kernel import Kernel, Operator, Range, Ranges
from edgepack.compile.operators.shared.chase import chase
from edgepack.compile.operators.shared.convolution import Convolution, requantization, require_filter_types, walk, window_padding
from edgepack.compile.operators.shared.ranges import weighted_range
from edgepack.compile.operators.shared.requantize import requantization_fields
from edgepack.compile.operators.site import Site


@dataclass(frozen=True, eq=False)
class Conv2D(Convolution):
    """A checked convolution. `weights` is (out_c, kernel_h, kernel_w, in_c / groups)."""

    operator: ClassVar[str] = "CONV_2D"

    shared: bool = False
    """Whether another operator has the same weights."""

    out_step: int = 0
    """Bytes from an output pixel to the next where this computes only some of its channels, else 0."""

    def channels(self, first: int, end: int) -> Conv2D:
        """The convolution that computes output channels first … end - 1 of this one, and leaves the others' places alone."""
        return replace(
            self,
            weights=self.weights[first:end],
            out_shape=(*self.out_shape[:3], end - first),
            requantization=self.requantization.part(first, end),
            out_step=self.out_shape[3],
        )

    @property
    def step(self) -> int:
        """Bytes from an output pixel to the next."""
        return self.out_step or self.out_shape[3]

    @property
    def kernel(self) -> tuple[int, int]:
        """Kernel height and width."""
        return self.weights.shape[1], self.weights.shape[2]

    @property
    def groups(self) -> int:
        """Number of groups of channels convolved separately."""
        return self.in_shape[3] // self.weights.shape[3]

    @property
    def macs(self) -> int:
        """Multiply-accumulates, counting those on padding."""
        return int(np.prod(self.out_shape)) * int(np.prod(self.weights.shape[1:]))


def describe(site: Site) -> Conv2D:
    """Check a CONV_2D and gather its numbers."""
    source, filters, output = site.input(0), site.constant(1), site.output()
    bias = site.constant(2) if site.has_input(2) else None
    require_filter_types(site)
    site.require(
        len(source.shape) == 4 and len(filters.shape) == 4,
        "is not over 4 dimensions",
        "Reshape the input to [1, height, width, channels].",
    )
    assert filters.data is not None
    weights = filters.data
    channels, kernel_h, kernel_w, depth = weights.shape
    site.require(
        depth > 0 and source.shape[3] > 0 and source.shape[3] % depth == 0 and channels % (source.shape[3] // depth) == 0,
        f"has filters of depth {depth} for {source.shape[3]} channels",
        "The input's channels must be a multiple of the filter's.",
    )
    stride = (int(site.option("stride_h", 1)), int(site.option("stride_w", 1)))
    dilation = (int(site.option("dilation_h_factor", 1)), int(site.option("dilation_w_factor", 1)))
    padding = window_padding(site, (source.shape[1], source.shape[2]), (kernel_h, kernel_w), stride, dilation)
    site.require_shape(output, (source.shape[0], padding.out_h, padding.out_w, channels))
    bounds = source.limits if source.shape[3] == depth else None
    requant = requantization(site, weights, filters, bias, source, output, bounds=bounds)
    return Conv2D(
        input=source.id,
        output=output.id,
        in_shape=source.shape,
        out_shape=output.shape,
        dtype=source.dtype,
        weights=requant.without(weights),
        stride=stride,
        dilation=dilation,
        padding=padding,
        in_zero=source.zero_point,
        requantization=requant,
        layer=output.layer,
        shared=site.shares(filters),
    )


def shape_fields(conv: Conv2D) -> dict[str, Field]:
    """The struct members that say what shape the convolution has."""
    batches, in_h, in_w, in_c = conv.in_shape
    _, out_h, out_w, out_c = conv.out_shape
    return {
        "batches": batches,
        "in_h": in_h,
        "in_w": in_w,
        "in_c": in_c,
        "out_h": out_h,
        "out_w": out_w,
        "out_c": out_c,
        **conv.window_fields(),
        "in_zero": conv.in_zero,
    }


def _ranges(conv: Conv2D, ranges: Ranges) -> Range | None:
    if conv.groups != 1:
        return None
    low, high = ranges[conv.input]
    low, high = np.minimum(low, conv.in_zero), np.maximum(high, conv.in_zero)  # padding reads the zero point
    taps = conv.kernel[0] * conv.kernel[1]
    weights = conv.weights.reshape(conv.weights.shape[0], -1).astype(np.int64)
    return weighted_range(weights, np.tile(low, taps), np.tile(high, taps), conv.requantization)


def portable(conv: Conv2D) -> Call:
    """The call of the portable kernel."""
    return Call(
        kernel="ep_conv_2d",
        header="ep_conv_2d.h",
        fields={
            **{name: value for name, value in shape_fields(conv).items() if name != "out_c"},
            "out_step": conv.step,
            "groups": conv.groups,
            "group_in": conv.weights.shape[3],
            "group_out": conv.weights.shape[0] // conv.groups,
            "weights": Array(conv.weights, "weights"),
            **requantization_fields(conv.requantization),
        },
        inputs=(conv.input,),
        outputs=(conv.output,),
        scratch=int(np.prod(conv.weights.shape[1:])),
        overlaps=chase(walk(conv, int(conv.groups == 1)), conv.input, conv.output) if conv.in_shape[0] == 1 else (),
    )


def cost(conv: Conv2D) -> float:
    """Instructions, measured on the Cortex-M0+: 5.5 a multiply-accumulate, 90 an output, 4 to copy a value of a patch."""
    pixels, patch = int(np.prod(conv.out_shape[:3])), int(np.prod(conv.weights.shape[1:]))
    return pixels * (60.0 + 4.0 * patch * conv.groups + conv.out_shape[3] * (90.0 + 5.5 * patch))


CONV_2D = Operator("CONV_2D", describe, (Kernel("ep_conv_2d", portable, cost=cost),), ranges=_ranges, explicit_padding="zero")
