"""What the convolutions and FULLY_CONNECTED share: padding, folded bias, per-channel multipliers, how a window walks."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgepack.compile.call import Field
from edgepack.compile.graph import BYTES, Data, Value
from edgepack.compile.operators.kernel import FROM_UINT8, Range
from edgepack.compile.operators.shared.chase import Walk
from edgepack.compile.operators.shared.requantize import Requantization, settled
from edgepack.compile.operators.shared.shortened import shortened
from edgepack.compile.operators.site import CHECK_RANGES, CONVERT_AGAIN, Site
from edgepack.compile.quantize import RANGES, accumulator_range, activation_range, quantize_multiplier

LARGEST_WINDOW = 1 << 20
"""Positions along an axis that a window covers, and by which it moves."""

LARGEST_BIAS = 1 << 30

FUSED = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")


@dataclass(frozen=True)
class Padding:
    """Output extents and the rows above, columns left of the input that the first window covers."""

    out_h: int
    out_w: int
    top: int
    left: int


def window_extent(in_size: int, kernel: int, stride: int, dilation: int, padding: str) -> tuple[int, int]:
    """Output extent and padding before the first element (TFLite's ComputeOutSize and ComputePadding)."""
    effective = (kernel - 1) * dilation + 1
    if padding == "SAME":
        out = -(-in_size // stride)
        return out, max((out - 1) * stride + effective - in_size, 0) // 2
    return (in_size - effective + stride) // stride, 0


def window_padding(
    site: Site, in_hw: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> Padding:
    """Output size and padding of a sliding window, beside the amounts (top, bottom, left, right) that fuse_pad leaves.

    Raises CompileError EP-704 for steps or windows out of range, and when the input is smaller than the window.
    """
    require_steps(site, kernel, stride, dilation)
    padding = site.option("padding", "SAME")
    margins = site.option("explicit_padding", (0, 0, 0, 0))
    out_h, top = window_extent(in_hw[0] + margins[0] + margins[1], kernel[0], stride[0], dilation[0], padding)
    out_w, left = window_extent(in_hw[1] + margins[2] + margins[3], kernel[1], stride[1], dilation[1], padding)
    site.require(
        out_h > 0 and out_w > 0,
        f"has a window larger than its input {in_hw[0]}x{in_hw[1]}",
        "Use a smaller window or SAME padding.",
    )
    return Padding(out_h, out_w, top + margins[0], left + margins[2])


def require_steps(site: Site, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]) -> None:
    """Windows, strides and dilations must be positive, and small enough that positions are 32-bit numbers."""
    covered = [(size - 1) * step + 1 for size, step in zip(kernel, dilation, strict=True)]
    site.require(
        min(*kernel, *stride, *dilation) > 0 and max(*covered, *stride, *dilation) <= LARGEST_WINDOW,
        f"has windows of {kernel[0]}x{kernel[1]} in strides of {stride[0]}x{stride[1]}, dilated by {dilation[0]}x{dilation[1]}",
        CONVERT_AGAIN,
    )


@dataclass(frozen=True, eq=False)
class Windowed(ABC):
    """A checked operator that moves a window over [batches, height, width, channels]: a convolution or a pooling."""

    operator: ClassVar[str]
    """The operator's name."""

    input: int
    output: int
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    dtype: str
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: Padding

    @property
    @abstractmethod
    def kernel(self) -> tuple[int, int]:
        """Height and width of the window."""


@dataclass(frozen=True, eq=False)
class Convolution(Windowed):
    """A checked convolution; a class of its own says how `weights` lie."""

    weights: Data
    in_zero: int
    requantization: Requantization
    layer: str

    def window_fields(self) -> dict[str, Field]:
        """The struct members that say how the window moves."""
        return {
            "kernel_h": self.kernel[0],
            "kernel_w": self.kernel[1],
            "stride_h": self.stride[0],
            "stride_w": self.stride[1],
            "dilation_h": self.dilation[0],
            "dilation_w": self.dilation[1],
            "pad_top": self.padding.top,
            "pad_left": self.padding.left,
        }


def walk(conv: Windowed, step: int) -> Walk:
    """How a kernel that copies the patches of `step` pixels before it writes them (0: none) walks over the input."""
    return Walk(
        in_h=conv.in_shape[1],
        in_w=conv.in_shape[2],
        in_bytes=conv.in_shape[3] * BYTES[conv.dtype],
        out_h=conv.out_shape[1],
        out_w=conv.out_shape[2],
        out_bytes=conv.out_shape[3] * BYTES[conv.dtype],
        stride=conv.stride,
        pad_top=conv.padding.top,
        pad_left=conv.padding.left,
        kernel=conv.kernel,
        dilation=conv.dilation,
        step=step,
    )


def require_filter_types(site: Site) -> None:
    """The types of input, weights, bias (if there) and output: int8 throughout, or int16 activations with a 64 or 32-bit bias.

    TFLite's int16 activations have no zero points.
    """
    int16 = ("int16", "int8")
    ends = ("int32", "int8") if site.has_input(2) else ("int8",)
    site.require_types(
        *(("int8", weights, *ends) for weights in filter_types(site)),
        *(((*int16, "int64", "int16"), (*int16, "int32", "int16")) if site.has_input(2) else ((*int16, "int16"),)),
    )
    for value in (site.input(0), site.output()):
        if value.dtype == "int16":
            site.require(value.zero_point == 0, f"has zero point {value.zero_point} for int16", CONVERT_AGAIN, value)


def filter_types(site: Site) -> tuple[str, ...]:
    """The types of weights beside int8 activations: those of a uint8 model may need 9 bits, and then are int16 here."""
    return ("int8", "int16") if site.option(FROM_UINT8) else ("int8",)


def requantization(
    site: Site,
    weights: Data,
    filters: Value,
    bias: Value | None,
    source: Value,
    output: Value,
    product_in_float: bool = False,
    bounds: Range | None = None,
) -> Requantization:
    """Constants to turn accumulators of `weights` (channels first) over `source` into `output`.

    `bounds` are the smallest and largest inputs, in a shape that goes with `weights`; the type's where they are not known.
    `product_in_float`: FULLY_CONNECTED, and every operator on uint8, multiplies input and filter scales in float32 when there is
    one scale (GetQuantizedConvolutionMultipler), convolutions in double (PopulateConvolutionQuantizationParams).
    """
    channels = weights.shape[0]
    site.require_quantized(source, output)
    site.require(
        len(filters.scales) in (1, channels), "has a number of scales that is not its number of filters", CONVERT_AGAIN, filters
    )
    site.require(
        all(zero == 0 for zero in filters.zero_points),
        "has weights with a zero point",
        "Quantize weights symmetrically (int8).",
        filters,
    )
    # 0 is the scale of a filter without any weight: reading has checked that.
    site.require(all(0 <= scale < math.inf for scale in filters.scales), "has a filter scale out of range", CHECK_RANGES, filters)
    if (product_in_float or site.option(FROM_UINT8)) and len(filters.scales) == 1:
        reals = [float(np.float32(source.scale) * np.float32(filters.scale)) / output.scale]
    else:
        reals = [source.scale * scale / output.scale for scale in filters.scales]
    pairs = [quantize_multiplier(real) for real in reals]
    site.require(all(-31 <= shift <= 30 for _, shift in pairs), "has an output scale out of range", CHECK_RANGES, output)
    pairs = pairs * (channels if len(pairs) == 1 and not product_in_float else 1)
    if bias is None:
        biases = np.zeros(channels, np.int64)
    else:
        assert bias.data is not None
        biases = bias.data.reshape(-1).astype(np.int64)
    site.require(biases.size == channels, "has a bias of the wrong length", CONVERT_AGAIN, bias)
    activation = site.option("fused_activation_function", "NONE")
    site.require(activation in FUSED, f"with fused activation {activation}", f"Use one of {', '.join(FUSED)}.")
    out_min, out_max = activation_range(activation, output.dtype, output.scale, output.zero_point)
    low, high = (
        np.broadcast_to(bound, weights.shape).reshape(channels, -1).astype(np.int64) - source.zero_point
        for bound in bounds or RANGES[source.dtype]
    )
    least, most = accumulator_range(weights, biases, np.minimum(low, 0), np.maximum(high, 0))  # 0 is what padding adds
    found = Requantization(
        bias=biases - source.zero_point * weights.reshape(channels, -1).astype(np.int64).sum(axis=1),
        multiplier=np.array([multiplier for multiplier, _ in pairs], np.int32),
        shift=np.array([shift for _, shift in pairs], np.int8),
        out_zero=output.zero_point,
        out_min=out_min,
        out_max=out_max,
        least=least,
        most=most,
        constant=np.zeros(channels, bool),
        grid=np.maximum(np.gcd.reduce(weights.reshape(channels, -1).astype(np.int64), axis=1), 1),
        wide=source.dtype == "int16" and (bias is None or bias.dtype == "int64"),
    )
    require_sums(site, source, biases, found.largest, bias)
    if source.dtype != "int8":
        return found
    return shortened(settled(found)) if site.final else settled(found)


def require_sums(site: Site, source: Value, biases: Data, largest: int, bias: Value | None) -> None:
    """Refuse 32-bit sums, of up to `largest`, that a bias beyond what converters write lets overflow.

    The converter makes scales larger to keep biases within 2^30 (AdjustWeightsForBiasScale); large sums of products alone are
    left, as no layer comes near what its weights could add up to.
    """
    site.require(
        source.dtype != "int8" or largest < 1 << 31 or int(abs(biases).max(initial=0)) <= LARGEST_BIAS,
        "can overflow its accumulator",
        "Convert the model again: a converter keeps biases within 2^30.",
        bias,
    )


def padded_rows(weights: Data) -> Data:
    """Weights (outputs, ...) as (outputs, elements), zeros appended to a multiple of 4 elements."""
    rows = weights.reshape(weights.shape[0], -1)
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))
