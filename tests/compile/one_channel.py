"""Layers of which one channel is unlike the others, as training and converters leave them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.compile.builder import ModelBuilder

LARGEST_BIAS = 1 << 30
CHANNEL = 2  # the one that is unlike the others
LAYERS: dict[str, tuple[str, int, int, int, int, int]] = {  # operator, kernel, stride, image, input channels, output channels
    "pointwise": ("CONV_2D", 1, 1, 8, 16, 32),
    "narrow": ("CONV_2D", 1, 1, 8, 8, 16),
    "conv_3x3": ("CONV_2D", 3, 1, 8, 8, 16),
    "first": ("CONV_2D", 3, 2, 16, 3, 8),
    "odd_channels": ("CONV_2D", 3, 1, 6, 5, 11),
    "depthwise": ("DEPTHWISE_CONV_2D", 3, 1, 12, 8, 8),
    "depthwise_stride_2": ("DEPTHWISE_CONV_2D", 3, 2, 12, 16, 16),
    "depthwise_5x5": ("DEPTHWISE_CONV_2D", 5, 1, 10, 16, 16),
    "dense": ("FULLY_CONNECTED", 1, 1, 1, 64, 32),
    "transpose": ("TRANSPOSE_CONV", 3, 2, 5, 8, 8),
}
KINDS = ("plain", "dead", "stuck", "huge_bias", "steep", "steeper", "flat", "flat_with_bias", "lowest")
"""Nothing odd; a filter of zeros with either bias that converters give it; a bias that no input can match; a multiplier of 0.6
and of 3; one below 2^-24; that with a bias of 2^30; weights of -128, none beside another, some over a negative one."""
FAR = ("plain", "steepest", "lifted")
"""A multiplier of 200; a bias of 2^24 with a multiplier of 2^-18, so that outputs still vary."""


def spoil(kind: str, weights: np.ndarray, bias: np.ndarray, scales: np.ndarray, real: float) -> None:
    """Change one channel's filter (last axis of `weights`), bias and scale; `real` is the multiplier of a scale of 1."""
    if kind in ("dead", "stuck"):
        weights[..., CHANNEL] = 0
        bias[CHANNEL], scales[CHANNEL] = (-LARGEST_BIAS if kind == "dead" else LARGEST_BIAS), 1e-8
    elif kind == "huge_bias":
        bias[CHANNEL] = -LARGEST_BIAS
    elif kind in ("steep", "steeper"):
        scales[CHANNEL] = (0.6 if kind == "steep" else 3.0) / real
    elif kind == "flat":
        scales[CHANNEL] = 2**-24.3 / real
    elif kind == "flat_with_bias":
        bias[CHANNEL], scales[CHANNEL] = LARGEST_BIAS - 77, 1e-8
    elif kind == "lowest":
        filters = weights.reshape(-1, weights.shape[-1])
        filters[::4, CHANNEL + 1], filters[::8, CHANNEL] = -128, -5
    elif kind == "steepest":
        scales[CHANNEL] = 200.0 / real
    elif kind == "lifted":
        bias[CHANNEL], scales[CHANNEL] = (1 << 24) + 12345, 2**-18 / real


def add_layer(b: ModelBuilder, layer: str, kind: str, zero: int, seed: int = 0, first: int = 0) -> tuple[int, int]:
    """One layer with its own input and output, which has this zero point; -128 comes with a ReLU. `first` is its first weight."""
    operator, kernel, stride, size, depth, channels = LAYERS[layer]
    rng = np.random.default_rng(seed)
    depthwise, dense, transposed = (operator == name for name in ("DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"))
    per_output = kernel * kernel * (1 if depthwise else depth)
    in_scale, out_scale = 0.02, 0.02 * 0.7 * np.sqrt(per_output)
    weights = rng.integers(-127, 128, (kernel, kernel, channels) if depthwise else (kernel, kernel, depth, channels))
    weights.flat[0] = first
    scales, bias = rng.uniform(0.005, 0.01, channels), rng.integers(-3000, 3000, channels)
    spoil(kind, weights, bias, scales, in_scale / out_scale)
    image = (1, depth) if dense else (1, size, size, depth)
    out = size * stride if transposed else -(-size // stride)
    x = b.tensor(image, scale=in_scale, zero_point=-128 if zero == -128 else 3)
    rows = weights[None] if depthwise else np.moveaxis(weights, 3, 0)
    w = b.constant(rows[:, 0, 0] if dense else rows, "int8", scale=scales, axis=3 if depthwise else 0)
    c = b.constant(bias, "int32", scale=scales * in_scale)
    y = b.tensor((1, channels) if dense else (1, out, out, channels), scale=out_scale, zero_point=zero)
    fields: dict[str, Any] = {} if transposed else {"fusedActivationFunction": "RELU" if zero == -128 else "NONE"}
    if not dense:
        fields |= {"padding": "SAME", "strideH": stride, "strideW": stride}
    inputs = [b.constant(np.array([1, out, out, channels])), w, x, c] if transposed else [x, w, c]
    options = {"DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions", "FULLY_CONNECTED": "FullyConnectedOptions"}
    options |= {"CONV_2D": "Conv2DOptions", "TRANSPOSE_CONV": "TransposeConvOptions"}
    b.operator(operator, inputs, [y], options[operator], version=3, **fields, **({"depthMultiplier": 1} if depthwise else {}))
    return x, y


def side_by_side(layers: Sequence[str], zero: int, kinds: tuple[str, ...] = KINDS, seed: int = 0) -> bytes:
    """A model of such layers beside one another, each with one channel of each kind.

    Layers of equal weights would be compiled to share them.
    """
    b = ModelBuilder()
    ends = [add_layer(b, layer, kind, zero, seed, place) for layer in layers for place, kind in enumerate(kinds)]
    return b.finish([x for x, _ in ends], [y for _, y in ends])


def low(seed: int, share: float) -> bytes:
    """A convolution or a dense layer of 11 to 16 channels, of whose weights this share is -128, and four in the same place."""
    b, rng = ModelBuilder(), np.random.default_rng(seed)
    channels, depth, dense = int(rng.integers(11, 17)), int(rng.choice([4, 16, 24])), rng.random() < 0.4
    depth *= 16 if dense else 1
    weights = rng.integers(-127, 128, (channels, depth) if dense else (channels, 2, 3, depth))
    weights[rng.random(weights.shape) < share] = -128
    weights[:4, ..., 0] = -128
    zero = int(rng.choice([-128, 5]))
    x = b.tensor((8, depth) if dense else (1, 5, 7, depth), scale=0.02, zero_point=zero)
    scales = rng.uniform(0.005, 0.01, channels)
    w = b.constant(weights, "int8", scale=scales)
    c = b.constant(rng.integers(-3000, 3000, channels), "int32", scale=scales * 0.02)
    y = b.tensor((8, channels) if dense else (1, 5, 7, channels), scale=0.2, zero_point=zero)
    fields = {} if dense else {"padding": "SAME", "strideH": 1, "strideW": 1}
    name, options = ("FULLY_CONNECTED", "FullyConnectedOptions") if dense else ("CONV_2D", "Conv2DOptions")
    b.operator(name, [x, w, c], [y], options, version=5 if dense else 3, **fields)
    return b.finish([x], [y])


def unusual(seed: int) -> bytes:
    """A convolution, perhaps of groups, or a dense layer, of 1 to 11 channels, any number of them odd, perhaps of one scale."""
    b, rng = ModelBuilder(), np.random.default_rng(seed)
    dense = rng.random() < 0.3
    channels, groups = int(rng.choice([1, 2, 3, 4, 5, 8, 11])), 1
    depth = int(rng.choice([1, 3, 4, 8]))
    if channels % 2 == 0 and not dense and rng.random() < 0.4:
        groups = 2
    scales = np.full(1, rng.choice([0.008, 0.008, 0.5, 5.0])) if rng.random() < 0.4 else rng.uniform(0.005, 0.01, channels)
    weights = rng.integers(-127, 128, (channels, depth) if dense else (channels, 3, 3, depth))
    bias = rng.integers(-3000, 3000, channels)
    odd = rng.random(channels) < rng.choice([0.3, 1.0])
    weights[odd & (rng.random(channels) < 0.7)] = 0
    bias = np.where(odd, rng.choice([-LARGEST_BIAS, LARGEST_BIAS, 1 << 24, -(1 << 22)], channels), bias)
    if scales.size == channels:
        scales = np.where(odd & (rng.random(channels) < 0.8), rng.choice([1e-8, 1e-6, 0.5, 30.0], channels), scales)
    x = b.tensor((1, depth) if dense else (1, 5, 5, depth * groups), scale=0.02, zero_point=int(rng.choice([-128, 3])))
    w = b.constant(weights, "int8", scale=scales)
    c = b.constant(bias, "int32", scale=scales * 0.02)
    zero = int(rng.choice([-128, 5, -20]))
    y = b.tensor((1, channels) if dense else (1, 5, 5, channels), scale=float(rng.choice([0.02, 0.1])), zero_point=zero)
    activation = str(rng.choice(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]))
    fields = {} if dense else {"padding": "SAME", "strideH": 1, "strideW": 1}
    name, options = ("FULLY_CONNECTED", "FullyConnectedOptions") if dense else ("CONV_2D", "Conv2DOptions")
    b.operator(name, [x, w, c], [y], options, version=5 if dense else 3, fusedActivationFunction=activation, **fields)
    return b.finish([x], [y])
