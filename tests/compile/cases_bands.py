"""Chains of convolutions on images higher than wide, which the compiler computes band by band."""

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


CASES = {"convolution_chain": convolution_chain}
