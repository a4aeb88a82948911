"""Single-operator models with random shapes and quantization; each takes a seeded generator and returns a .tflite."""

from __future__ import annotations

import numpy as np

from tests.compile.builder import ModelBuilder

FUSED = ("NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1")


def random_scale(rng: np.random.Generator) -> float:
    """A scale as calibration gives it: log-uniform from 0.002 to 0.3."""
    return float(np.float32(np.exp(rng.uniform(np.log(0.002), np.log(0.3)))))


def random_zero(rng: np.random.Generator) -> int:
    """A zero point, often at the end of the range as after ReLU."""
    return int(rng.choice([-128, 0, rng.integers(-128, 128)]))


def filter_scales(rng: np.random.Generator, channels: int, per_channel: bool) -> np.ndarray:
    """Weight scales: one, or one a channel over a range of 30."""
    return np.exp(rng.uniform(np.log(0.002), np.log(0.06), channels if per_channel else 1)).astype(np.float32)


def output_scale(rng: np.random.Generator, in_scale: float, scales: np.ndarray, macs: int) -> float:
    """An output scale that uses the int8 range: from saturating to a few values."""
    spread = in_scale * float(scales.mean()) * 73 * 73 * np.sqrt(macs)
    return float(np.float32(spread * np.exp(rng.uniform(np.log(0.3), np.log(4))) / 128))


def conv_2d(rng: np.random.Generator, max_channels: int = 67) -> bytes:
    """CONV_2D of any kernel, stride, dilation, padding, groups and fused activation."""
    b = ModelBuilder()
    kernel_h, kernel_w = (int(k) for k in rng.integers(1, 6, 2)) if rng.random() < 0.7 else (1, 1)
    stride_h, stride_w = (int(s) for s in rng.integers(1, 4, 2))
    dilation = tuple(int(d) for d in rng.integers(1, 4, 2)) if rng.random() < 0.25 else (1, 1)
    padding = str(rng.choice(["SAME", "VALID"]))
    height = int(rng.integers(1, 12)) + ((kernel_h - 1) * dilation[0] if padding == "VALID" else 0)
    width = int(rng.integers(1, 12)) + ((kernel_w - 1) * dilation[1] if padding == "VALID" else 0)
    groups = int(rng.choice([1, 1, 1, 2, 3]))
    depth, out_per_group = (int(c) for c in rng.integers(1, max_channels // groups + 1, 2))
    channels = out_per_group * groups
    in_scale, zero = random_scale(rng), random_zero(rng)
    scales = filter_scales(rng, channels, rng.random() < 0.7)
    weights = rng.integers(-127, 128, (channels, kernel_h, kernel_w, depth))
    x = b.tensor((1, height, width, depth * groups), scale=in_scale, zero_point=zero)
    w = b.constant(weights, "int8", scale=scales, zero_point=0, axis=0)
    bias = b.constant(rng.integers(-20000, 20000, channels), "int32", scale=scales * np.float32(in_scale))
    if padding == "SAME":
        out = (-(-height // stride_h), -(-width // stride_w))
    else:
        effective = ((kernel_h - 1) * dilation[0] + 1, (kernel_w - 1) * dilation[1] + 1)
        out = ((height - effective[0]) // stride_h + 1, (width - effective[1]) // stride_w + 1)
    y = b.tensor(
        (1, *out, channels),
        scale=output_scale(rng, in_scale, scales, weights[0].size),
        zero_point=random_zero(rng),
    )
    b.operator(
        "CONV_2D",
        [x, w, bias],
        [y],
        "Conv2DOptions",
        version=3,
        padding=padding,
        strideH=stride_h,
        strideW=stride_w,
        dilationHFactor=dilation[0],
        dilationWFactor=dilation[1],
        fusedActivationFunction=str(rng.choice(FUSED)),
    )
    return b.finish([x], [y])


def fully_connected(rng: np.random.Generator) -> bytes:
    """FULLY_CONNECTED with one or several rows."""
    b = ModelBuilder()
    batches = int(rng.choice([1, 1, 2, 5]))
    in_size, out_size = int(rng.integers(1, 200)), int(rng.integers(1, 68))
    in_scale = random_scale(rng)
    scales = filter_scales(rng, out_size, False)
    x = b.tensor((batches, in_size), scale=in_scale, zero_point=random_zero(rng))
    w = b.constant(rng.integers(-127, 128, (out_size, in_size)), "int8", scale=scales)
    inputs = [x, w]
    if rng.random() < 0.8:
        inputs.append(b.constant(rng.integers(-20000, 20000, out_size), "int32", scale=np.float32(in_scale) * scales))
    else:
        inputs.append(-1)
    y = b.tensor((batches, out_size), scale=output_scale(rng, in_scale, scales, in_size), zero_point=random_zero(rng))
    b.operator("FULLY_CONNECTED", inputs, [y], "FullyConnectedOptions", version=4, fusedActivationFunction=str(rng.choice(FUSED)))
    return b.finish([x], [y])


def add(rng: np.random.Generator) -> bytes:
    """ADD of equal shapes, or broadcasting, or with a constant."""
    return binary(rng, "ADD", "AddOptions")


def binary(rng: np.random.Generator, name: str, options: str) -> bytes:
    b = ModelBuilder()
    shape = tuple(int(n) for n in rng.integers(1, 9, int(rng.integers(1, 5))))
    other = shape
    if rng.random() < 0.4:
        other = tuple(1 if rng.random() < 0.5 else n for n in shape)[int(rng.integers(0, len(shape))) :]
    first = b.tensor(shape, scale=random_scale(rng), zero_point=random_zero(rng))
    scale, zero = random_scale(rng), random_zero(rng)
    inputs = [first]
    if rng.random() < 0.25:
        second = b.constant(rng.integers(-128, 128, other), "int8", scale=scale, zero_point=zero)
    else:
        second = b.tensor(other, scale=scale, zero_point=zero)
        inputs.append(second)
    operands = [first, second] if rng.random() < 0.5 else [second, first]
    y = b.tensor(shape, scale=random_scale(rng) * (2 if name == "ADD" else 1), zero_point=random_zero(rng))
    b.operator(name, operands, [y], options, version=2, fusedActivationFunction=str(rng.choice(FUSED)))
    return b.finish(inputs, [y])


def softmax(rng: np.random.Generator) -> bytes:
    """SOFTMAX over the last axis."""
    b = ModelBuilder()
    shape = (*(int(n) for n in rng.integers(1, 4, int(rng.integers(0, 3)))), 1, int(rng.integers(1, 68)))
    x = b.tensor(shape, scale=random_scale(rng), zero_point=random_zero(rng))
    y = b.tensor(shape, scale=1 / 256, zero_point=-128)
    b.operator("SOFTMAX", [x], [y], "SoftmaxOptions", version=2, beta=float(rng.choice([1.0, 1.0, 0.5, 2.0])))
    return b.finish([x], [y])


CASES = {"conv_2d": conv_2d, "fully_connected": fully_connected, "add": add, "softmax": softmax}
