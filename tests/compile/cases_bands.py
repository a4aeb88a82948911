"""Chains of convolutions and poolings on images higher than wide, which the compiler computes band by band."""

from __future__ import annotations

import numpy as np

from tests.compile.builder import ModelBuilder
from tests.compile.cases import filter_scales, output_scale
from tests.compile.cases_assembly import OUTPUTS, _extent, _pick


def convolution_chain(rng: np.random.Generator) -> bytes:
    """Two to five convolutions, some depthwise, each reading what the one before wrote."""
    b = ModelBuilder()
    size, depth = [int(rng.integers(9, 30)), int(rng.integers(3, 9))], 4 * _pick(rng, 1, 2, 3)
    scale, zero = 0.02, int(rng.integers(-128, 128))
    first = x = b.tensor((1, *size, depth), scale=scale, zero_point=zero)
    for _ in range(int(rng.integers(2, 6))):
        depthwise, channels = rng.random() < 0.4, 4 * _pick(rng, 1, 2, 4)
        channels = depth if depthwise else channels
        kernel = [_pick(rng, 1, 2, 3, 5), _pick(rng, 1, 3)]
        stride, dilation = [_pick(rng, 1, 1, 2, 3), 1], [_pick(rng, 1, 1, 2), 1]
        dilation[0] = 1 if stride[0] > 1 else dilation[0]
        padding = "SAME" if rng.random() < 0.7 or size[0] < 12 or size[1] < 4 else "VALID"
        out = [_extent(n, k, s, d, padding) for n, k, s, d in zip(size, kernel, stride, dilation, strict=True)]
        scales = filter_scales(rng, channels, True)
        w = b.constant(
            rng.integers(-127, 128, (1, *kernel, channels) if depthwise else (channels, *kernel, depth)),
            "int8",
            scale=scales,
            axis=3 if depthwise else 0,
        )
        macs = kernel[0] * kernel[1] * (1 if depthwise else depth)
        bias = b.constant(rng.integers(-2000, 2000, channels), "int32", scale=scales * np.float32(scale))
        zero_point, activation = OUTPUTS[int(rng.integers(len(OUTPUTS)))]
        out_scale = output_scale(rng, scale, scales, macs)
        y = b.tensor((1, *out, channels), scale=out_scale, zero_point=zero_point)
        b.operator(
            "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
            [x, w, bias],
            [y],
            "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions",
            version=3,
            padding=padding,
            strideH=stride[0],
            strideW=stride[1],
            dilationHFactor=dilation[0],
            dilationWFactor=dilation[1],
            fusedActivationFunction=activation,
            **({"depthMultiplier": 1} if depthwise else {}),
        )
        x, size, depth, scale = y, out, channels, out_scale
    return b.finish([first], [x])


def pooled_chain(rng: np.random.Generator) -> bytes:
    """One to three convolutions, each before a pooling with or without a PAD or PADV2 before it; a global pooling at times."""
    b = ModelBuilder()
    size, depth = [int(rng.integers(14, 34)), int(rng.integers(6, 14))], _pick(rng, 1, 3, 4)
    scale, zero = 0.02, int(rng.integers(-128, 128))
    first = x = b.tensor((1, *size, depth), scale=scale, zero_point=zero)
    for _ in range(int(rng.integers(1, 4))):
        x, scale, zero = _convolved(b, rng, x, (size, depth, scale), channels := _pick(rng, 3, 4, 8, 13))
        depth = channels
        if rng.random() < 0.6:
            x, size = _padded(b, rng, x, size, depth, (scale, zero))
        window = [min(_pick(rng, 1, 2, 3, 4), n) for n in size]
        x, size = _pooled(b, rng, x, size, depth, (scale, zero), window, str(rng.choice(["SAME", "VALID"])))
    if rng.random() < 0.4:
        x, size = _pooled(b, rng, x, size, depth, (scale, zero), size, "VALID")
    return b.finish([first], [x])


def _convolved(
    b: ModelBuilder, rng: np.random.Generator, x: int, given: tuple[list[int], int, float], channels: int
) -> tuple[int, float, int]:
    """A 3x3 convolution of stride 1; its output, that one's scale and zero point."""
    size, depth, scale = given
    scales = filter_scales(rng, channels, True)
    w = b.constant(rng.integers(-127, 128, (channels, 3, 3, depth)), "int8", scale=scales)
    bias = b.constant(rng.integers(-2000, 2000, channels), "int32", scale=scales * np.float32(scale))
    zero, activation = OUTPUTS[int(rng.integers(len(OUTPUTS)))]
    out_scale = output_scale(rng, scale, scales, 9 * depth)
    y = b.tensor((1, *size, channels), scale=out_scale, zero_point=zero)
    options = {"padding": "SAME", "strideH": 1, "strideW": 1, "fusedActivationFunction": activation}
    b.operator("CONV_2D", [x, w, bias], [y], "Conv2DOptions", version=3, **options)
    return y, out_scale, zero


def _padded(
    b: ModelBuilder, rng: np.random.Generator, x: int, size: list[int], depth: int, quantization: tuple[float, int]
) -> tuple[int, list[int]]:
    """A PAD, or a PADV2 with any value, of up to two rows and columns a side."""
    margins = rng.integers(0, 3, (2, 2))
    size = [n + int(both) for n, both in zip(size, margins.sum(axis=1), strict=True)]
    scale, zero = quantization
    y = b.tensor((1, *size, depth), scale=scale, zero_point=zero)
    amounts = b.constant(np.array([[0, 0], *margins, [0, 0]]))
    if rng.random() < 0.4:
        fill = b.constant(rng.integers(-128, 128, 1), "int8", scale=scale, zero_point=zero)
        b.operator("PADV2", [x, amounts, fill], [y], "PadV2Options", version=2)
    else:
        b.operator("PAD", [x, amounts], [y], "PadOptions", version=2)
    return y, size


def _pooled(
    b: ModelBuilder,
    rng: np.random.Generator,
    x: int,
    size: list[int],
    depth: int,
    quantization: tuple[float, int],
    window: list[int],
    padding: str,
) -> tuple[int, list[int]]:
    """A maximum or mean of this window, of stride 1 to 3."""
    stride = [_pick(rng, 1, 2, 3), _pick(rng, 1, 2, 3)]
    size = [_extent(n, k, s, 1, padding) for n, k, s in zip(size, window, stride, strict=True)]
    y = b.tensor((1, *size, depth), scale=quantization[0], zero_point=quantization[1])
    b.operator(
        str(rng.choice(["MAX_POOL_2D", "AVERAGE_POOL_2D"])),
        [x],
        [y],
        "Pool2DOptions",
        version=2,
        padding=padding,
        strideH=stride[0],
        strideW=stride[1],
        filterHeight=window[0],
        filterWidth=window[1],
        fusedActivationFunction=str(rng.choice(["NONE", "RELU6"])),
    )
    return y, size


CASES = {"convolution_chain": convolution_chain, "pooled_chain": pooled_chain}
