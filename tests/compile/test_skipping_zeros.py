"""Kernels that skip blocks of zeros: the reference's bits at every density, and fewer instructions and bytes."""

from __future__ import annotations

import importlib.util

import numpy as np

from tests.compile.builder import ModelBuilder

TOOLS = all(importlib.util.find_spec(name) for name in ("ziglang", "unicorn"))
KERNELS = {"conv": "ep_conv_2d_blocks", "dense": "ep_fully_connected_blocks"}


def block_sparse(shape: tuple[int, ...], density: float, rng: np.random.Generator, extreme: bool = False) -> np.ndarray:
    """Weights (outputs, ...) of which so many blocks of four neighbours in a filter are not zero."""
    size = int(np.prod(shape[1:]))
    values = rng.choice([-128, 127], (shape[0], size)) if extreme else rng.integers(-127, 128, (shape[0], size))
    kept = np.repeat(rng.random((shape[0], -(-size // 4))) < density, 4, axis=1)[:, :size]
    return np.where(kept, values, 0).astype(np.int8).reshape(shape)


def layers(kind: str, density: float, rng: np.random.Generator, extreme: bool = False) -> bytes:
    """Eight layers side by side, of every shape: channels, windows, strides, dilations, paddings, zero points, activations."""
    b = ModelBuilder()
    inputs, outputs = [], []
    for _ in range(8):
        channels, filters = (int(rng.integers(1, 40)) for _ in range(2))
        zero, out_zero = (int(rng.choice([-128, 127, 0, rng.integers(-128, 128)])) for _ in range(2))
        scales = rng.uniform(0.0005, 0.02, filters).tolist()
        bias = b.constant(rng.integers(-3000, 3000, filters).astype(np.int32), "int32", scale=1.0)
        activation = int(rng.integers(0, 2))
        if kind == "conv":
            height, width = (int(rng.integers(1, 9)) for _ in range(2))
            window = tuple(int(rng.integers(1, 4)) for _ in range(2))
            stride = int(rng.integers(1, 3))
            dilation = int(rng.integers(1, 3)) if stride == 1 else 1
            x = b.tensor((1, height, width, channels), scale=0.05, zero_point=zero)
            w = b.constant(block_sparse((filters, *window, channels), density, rng, extreme), "int8", scale=scales)
            y = b.tensor((1, -(-height // stride), -(-width // stride), filters), scale=0.5, zero_point=out_zero)
            options = {
                "Padding": 0,
                "StrideH": stride,
                "StrideW": stride,
                "DilationHFactor": dilation,
                "DilationWFactor": dilation,
                "FusedActivationFunction": activation,
            }
            b.operator("CONV_2D", [x, w, bias], [y], "Conv2DOptions", **options)
        else:
            x = b.tensor((int(rng.integers(1, 3)), 8 * channels + int(rng.integers(0, 4))), scale=0.05, zero_point=zero)
            batch, size = b.shape(x)
            w = b.constant(block_sparse((filters, size), density, rng, extreme), "int8", scale=0.01)
            y = b.tensor((batch, filters), scale=0.5, zero_point=out_zero)
            b.operator("FULLY_CONNECTED", [x, w, bias], [y], "FullyConnectedOptions", FusedActivationFunction=activation)
        inputs.append(x)
        outputs.append(y)
    return b.finish(inputs, outputs)
