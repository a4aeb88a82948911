"""Single-operator models: depthwise convolution, pooling, activations, padding, reductions, concatenation, edges."""

from __future__ import annotations

import numpy as np

from tests.compile.builder import ModelBuilder
from tests.compile.cases import FUSED, binary, filter_scales, output_scale, random_scale, random_zero


def _extent(size: int, kernel: int, stride: int, dilation: int, padding: str) -> int:
    return -(-size // stride) if padding == "SAME" else (size - (kernel - 1) * dilation - 1) // stride + 1


def depthwise_conv_2d(rng: np.random.Generator) -> bytes:
    """DEPTHWISE_CONV_2D of any kernel, stride, dilation, padding and multiplier."""
    b = ModelBuilder()
    kernel = tuple(int(k) for k in (rng.integers(1, 6, 2) if rng.random() < 0.5 else (3, 3)))
    stride = tuple(int(s) for s in (rng.integers(1, 4, 2) if rng.random() < 0.5 else (1, 1)))
    dilation = (1, 1)
    if stride == (1, 1) and rng.random() < 0.3:
        dilation = tuple(int(d) for d in rng.integers(1, 4, 2))
    padding = str(rng.choice(["SAME", "VALID"]))
    size = [int(rng.integers(1, 14)) + (k - 1) * d * (padding == "VALID") for k, d in zip(kernel, dilation, strict=True)]
    multiplier = int(rng.choice([1, 1, 1, 2, 3, 8]))
    depth = int(rng.integers(1, 68 if multiplier == 1 else 9))
    channels = depth * multiplier
    in_scale, zero = random_scale(rng), random_zero(rng)
    scales = filter_scales(rng, channels, rng.random() < 0.7)
    x = b.tensor((1, *size, depth), scale=in_scale, zero_point=zero)
    w = b.constant(rng.integers(-127, 128, (1, *kernel, channels)), "int8", scale=scales, axis=3)
    bias = b.constant(rng.integers(-8000, 8000, channels), "int32", scale=scales * np.float32(in_scale))
    out = [_extent(n, k, s, d, padding) for n, k, s, d in zip(size, kernel, stride, dilation, strict=True)]
    y = b.tensor(
        (1, *out, channels),
        scale=output_scale(rng, in_scale, scales, kernel[0] * kernel[1]),
        zero_point=random_zero(rng),
    )
    b.operator(
        "DEPTHWISE_CONV_2D",
        [x, w, bias],
        [y],
        "DepthwiseConv2DOptions",
        version=3,
        padding=padding,
        strideH=stride[0],
        strideW=stride[1],
        dilationHFactor=dilation[0],
        dilationWFactor=dilation[1],
        depthMultiplier=multiplier,
        fusedActivationFunction=str(rng.choice(FUSED)),
    )
    return b.finish([x], [y])


def _pool(rng: np.random.Generator, name: str, dtype: str = "int8") -> bytes:
    b = ModelBuilder()
    kernel, stride = (tuple(int(n) for n in rng.integers(1, top, 2)) for top in (6, 4))
    padding = str(rng.choice(["SAME", "VALID"]))
    size = [int(rng.integers(1, 12)) + (k - 1) * (padding == "VALID") for k in kernel]
    channels = int(rng.integers(1, 68))
    scale, zero = random_scale(rng), random_zero(rng) if dtype == "int8" else 0
    x = b.tensor((1, *size, channels), dtype, scale=scale, zero_point=zero)
    out = [_extent(n, k, s, 1, padding) for n, k, s in zip(size, kernel, stride, strict=True)]
    y = b.tensor((1, *out, channels), dtype, scale=scale, zero_point=zero)
    b.operator(
        name,
        [x],
        [y],
        "Pool2DOptions",
        version=2 if dtype == "int8" else 3,
        padding=padding,
        strideH=stride[0],
        strideW=stride[1],
        filterHeight=kernel[0],
        filterWidth=kernel[1],
        fusedActivationFunction=str(rng.choice(FUSED)),
    )
    return b.finish([x], [y])


def _shape(rng: np.random.Generator, top: int = 7) -> tuple[int, ...]:
    return tuple(int(n) for n in rng.integers(1, top, int(rng.integers(1, 5))))


def _unary(rng: np.random.Generator, name: str, options: str = "", scale: float | None = None, zero: int | None = None) -> bytes:
    b = ModelBuilder()
    shape = (*_shape(rng), 31)[-4:]
    x = b.tensor(shape, scale=random_scale(rng), zero_point=random_zero(rng))
    y = b.tensor(shape, scale=scale or random_scale(rng), zero_point=random_zero(rng) if zero is None else zero)
    b.operator(name, [x], [y], options, version=1 if name == "RELU_N1_TO_1" else 2)
    return b.finish([x], [y])


def _pad(rng: np.random.Generator, name: str, dtype: str = "int8") -> bytes:
    b = ModelBuilder()
    shape = _shape(rng)
    paddings = rng.integers(0, 4, (len(shape), 2)) * (rng.random((len(shape), 2)) < 0.6)
    scale, zero = random_scale(rng), random_zero(rng) if dtype == "int8" else 0
    x = b.tensor(shape, dtype, scale=scale, zero_point=zero)
    inputs = [x, b.constant(paddings, str(rng.choice(["int32", "int64"])) if dtype == "int8" else "int32")]
    if name == "PADV2":
        inputs.append(b.constant(rng.integers(-128, 128, 1), dtype, scale=scale, zero_point=zero))
    y = b.tensor(tuple(int(n) for n in np.array(shape) + paddings.sum(axis=1)), dtype, scale=scale, zero_point=zero)
    b.operator(name, inputs, [y], "PadOptions" if name == "PAD" else "PadV2Options", version=2)
    return b.finish([x], [y])


def mean(rng: np.random.Generator) -> bytes:
    """MEAN over any axes, kept or dropped, of equal or different scales."""
    b = ModelBuilder()
    shape = _shape(rng, 12)
    axes = [axis for axis in range(len(shape)) if rng.random() < 0.5] or [0]
    keep = bool(rng.random() < 0.5)
    out = [1 if axis in axes else n for axis, n in enumerate(shape) if keep or axis not in axes]
    scale, zero = random_scale(rng), random_zero(rng)
    same = rng.random() < 0.3
    x = b.tensor(shape, scale=scale, zero_point=zero)
    y = b.tensor(
        out,
        scale=scale if same else scale * float(rng.uniform(0.2, 1.5)),
        zero_point=zero if same else random_zero(rng),
    )
    listed = [axis - len(shape) if rng.random() < 0.3 else axis for axis in axes]
    b.operator("MEAN", [x, b.constant(np.array(listed))], [y], "ReducerOptions", version=2, keepDims=keep)
    return b.finish([x], [y])


def concatenation(rng: np.random.Generator) -> bytes:
    """CONCATENATION of one to four operands along any axis, a constant among them at times."""
    b = ModelBuilder()
    shape = list(_shape(rng))
    axis = int(rng.integers(0, len(shape)))
    scale, zero = random_scale(rng), random_zero(rng)
    operands, inputs, total = [], [], 0
    for index in range(int(rng.integers(1, 5))):
        shape[axis] = int(rng.integers(1, 6))
        total += shape[axis]
        if index and rng.random() < 0.2:
            operands.append(b.constant(rng.integers(-128, 128, shape), "int8", scale=scale, zero_point=zero))
        else:
            operands.append(b.tensor(shape, scale=scale, zero_point=zero))
            inputs.append(operands[-1])
    shape[axis] = total
    y = b.tensor(shape, scale=scale, zero_point=zero)
    listed = axis - len(shape) if rng.random() < 0.3 else axis
    b.operator("CONCATENATION", operands, [y], "ConcatenationOptions", version=2, axis=listed)
    return b.finish(inputs, [y])


def quantize_edges(rng: np.random.Generator) -> bytes:
    """Float in, QUANTIZE, a ReLU, QUANTIZE to another scale, DEQUANTIZE, float out."""
    b = ModelBuilder()
    shape = _shape(rng)
    x = b.tensor(shape, "float32")
    quantized = b.tensor(shape, scale=random_scale(rng), zero_point=random_zero(rng))
    clamped = b.tensor(shape, scale=random_scale(rng), zero_point=random_zero(rng))
    rescaled = b.tensor(shape, scale=random_scale(rng), zero_point=random_zero(rng))
    y = b.tensor(shape, "float32")
    b.operator("QUANTIZE", [x], [quantized], "QuantizeOptions")
    b.operator("RELU", [quantized], [clamped], version=2)
    b.operator("QUANTIZE", [clamped], [rescaled], "QuantizeOptions", version=2)
    b.operator("DEQUANTIZE", [rescaled], [y], "DequantizeOptions", version=2)
    return b.finish([x], [y])


CASES = {
    "depthwise_conv_2d": depthwise_conv_2d,
    "average_pool": lambda rng: _pool(rng, "AVERAGE_POOL_2D"),
    "max_pool": lambda rng: _pool(rng, "MAX_POOL_2D"),
    "average_pool_int16": lambda rng: _pool(rng, "AVERAGE_POOL_2D", "int16"),
    "max_pool_int16": lambda rng: _pool(rng, "MAX_POOL_2D", "int16"),
    "relu": lambda rng: _unary(rng, "RELU"),
    "relu6": lambda rng: _unary(rng, "RELU6"),
    "relu_n1_to_1": lambda rng: _unary(rng, "RELU_N1_TO_1"),
    "logistic": lambda rng: _unary(rng, "LOGISTIC", scale=1 / 256, zero=-128),
    "pad": lambda rng: _pad(rng, "PAD"),
    "padv2": lambda rng: _pad(rng, "PADV2"),
    "pad_int16": lambda rng: _pad(rng, "PAD", "int16"),
    "mean": mean,
    "concatenation": concatenation,
    "mul": lambda rng: binary(rng, "MUL", "MulOptions"),
    "quantize_edges": quantize_edges,
}
ENGINES = {"average_pool_int16": "tflite-micro", "max_pool_int16": "tflite-micro", "pad_int16": "tflite-micro"}
