"""Models for the kernels in assembly: several layers side by side, mostly with the outputs that ReLU has."""

from __future__ import annotations

import numpy as np

from tests.compile.builder import ModelBuilder
from tests.compile.cases import filter_scales, output_scale, random_scale

# Output zero point and fused activation: one-sided, exact, and clamped inside int8 (which other kernels do).
OUTPUTS = [(-128, "RELU"), (-128, "RELU"), (-128, "NONE"), (-128, "RELU6"), (0, "NONE"), (17, "NONE"), (-20, "RELU")]


def _extent(size: int, kernel: int, stride: int, dilation: int, padding: str) -> int:
    return -(-size // stride) if padding == "SAME" else (size - (kernel - 1) * dilation - 1) // stride + 1


def _pick(rng: np.random.Generator, *choices: int) -> int:
    return int(rng.choice(choices))


def layer(b: ModelBuilder, rng: np.random.Generator, depthwise: bool, sizes: dict[str, int], padding: str) -> tuple[int, int]:
    """Add a convolution of these sizes with random weights; returns its input and its output."""
    kernel, stride, dilation, image = (
        (sizes[f"{name}_h"], sizes[f"{name}_w"]) for name in ("kernel", "stride", "dilation", "image")
    )
    depth, channels = sizes["depth"], sizes["channels"]
    in_scale = random_scale(rng)
    scales = filter_scales(rng, channels, rng.random() < 0.8)
    x = b.tensor((1, *image, depth), scale=in_scale, zero_point=_pick(rng, -128, 0, int(rng.integers(-128, 128))))
    shape = (1, *kernel, channels) if depthwise else (channels, *kernel, depth)
    largest = _pick(rng, 127, 127, 40)
    w = b.constant(rng.integers(-largest, largest + 1, shape), "int8", scale=scales, axis=3 if depthwise else 0)
    macs = kernel[0] * kernel[1] * (1 if depthwise else depth)
    limit = int(3000 * np.sqrt(macs))
    bias = b.constant(rng.integers(-limit, limit, channels), "int32", scale=scales * np.float32(in_scale))
    out = [_extent(n, k, s, d, padding) for n, k, s, d in zip(image, kernel, stride, dilation, strict=True)]
    zero_point, activation = OUTPUTS[int(rng.integers(len(OUTPUTS)))]
    y = b.tensor((1, *out, channels), scale=output_scale(rng, in_scale, scales, macs), zero_point=zero_point)
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
    return x, y


def _convolution(b: ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
    pointwise = rng.random() < 0.4
    kernel = (1, 1) if pointwise else tuple(int(k) for k in rng.integers(1, 6, 2))
    dilation = (1, 1) if pointwise or rng.random() < 0.7 else tuple(int(d) for d in rng.integers(1, 4, 2))
    padding = str(rng.choice(["SAME", "VALID"]))
    grow = [(k - 1) * d * (padding == "VALID") for k, d in zip(kernel, dilation, strict=True)]
    sizes = {
        "kernel_h": kernel[0],
        "kernel_w": kernel[1],
        "stride_h": _pick(rng, 1, 1, 2, 3),
        "stride_w": _pick(rng, 1, 1, 2, 3),
        "dilation_h": dilation[0],
        "dilation_w": dilation[1],
        "image_h": int(rng.integers(1, 10)) + grow[0],
        "image_w": int(rng.integers(1, 10)) + grow[1],
        "depth": _pick(rng, 1, 2, 3, 4, 8, 16, 32, int(rng.integers(1, 68))),
        "channels": _pick(rng, 1, 2, 3, 4, 8, 16, 20, int(rng.integers(1, 68))),
    }
    return layer(b, rng, False, sizes, padding)


def assembly_conv_2d(rng: np.random.Generator, count: int = 4) -> bytes:
    """Convolutions side by side, of any kernel, stride, dilation, padding and channels."""
    b = ModelBuilder()
    ends = [_convolution(b, rng) for _ in range(count)]
    return b.finish([x for x, _ in ends], [y for _, y in ends])


def _unpadded(b: ModelBuilder, rng: np.random.Generator, depth: int) -> tuple[int, int]:
    kernel = _pick(rng, 1, 1, 2)
    sizes = {f"{name}_{axis}": size for name, size in (("kernel", kernel), ("stride", 1), ("dilation", 1)) for axis in "hw"}
    sizes |= {"image_h": 3, "image_w": int(rng.integers(2, 5)), "depth": depth, "channels": int(rng.integers(40, 70))}
    return layer(b, rng, False, sizes, "VALID" if kernel == 1 else "SAME")


def assembly_unpadded(rng: np.random.Generator, count: int = 4) -> bytes:
    """Convolutions of many filters that are not whole vectors, and of few values, side by side."""
    b = ModelBuilder()
    ends = [_unpadded(b, rng, int(rng.integers(65, 140))) for _ in range(count)] + [_unpadded(b, rng, _pick(rng, 1, 5, 11))]
    return b.finish([x for x, _ in ends], [y for _, y in ends])


def _depthwise(b: ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
    kernel = (3, 3) if rng.random() < 0.8 else tuple(int(k) for k in rng.integers(1, 6, 2))
    stride = _pick(rng, 1, 1, 2)
    padding = str(rng.choice(["SAME", "SAME", "VALID"]))
    channels = _pick(rng, 3, 4, 5, 8, 16, 64, int(rng.integers(4, 68)))
    sizes = {
        "kernel_h": kernel[0],
        "kernel_w": kernel[1],
        "stride_h": stride,
        "stride_w": stride,
        "dilation_h": 1,
        "dilation_w": 1,
        "image_h": int(rng.integers(1, 14)) + (kernel[0] - 1) * (padding == "VALID"),
        "image_w": int(rng.integers(1, 14)) + (kernel[1] - 1) * (padding == "VALID"),
        "depth": channels,
        "channels": channels,
    }
    return layer(b, rng, True, sizes, padding)


def assembly_depthwise(rng: np.random.Generator, count: int = 4) -> bytes:
    """Depthwise convolutions side by side, most of them 3x3."""
    b = ModelBuilder()
    ends = [_depthwise(b, rng) for _ in range(count)]
    return b.finish([x for x, _ in ends], [y for _, y in ends])


def assembly_add(rng: np.random.Generator, count: int = 4) -> bytes:
    """Additions of equal shapes side by side."""
    b = ModelBuilder()
    inputs, outputs = [], []
    for _ in range(count):
        shape = (1, int(rng.integers(1, 6)), int(rng.integers(1, 6)), int(rng.integers(1, 12)))
        scales = [random_scale(rng), random_scale(rng)]
        operands = [b.tensor(shape, scale=scale, zero_point=int(rng.integers(-128, 128))) for scale in scales]
        zero_point, activation = OUTPUTS[int(rng.integers(len(OUTPUTS)))]
        y = b.tensor(shape, scale=max(scales) * float(rng.uniform(0.6, 2)), zero_point=zero_point)
        b.operator("ADD", operands, [y], "AddOptions", version=2, fusedActivationFunction=activation)
        inputs += operands
        outputs.append(y)
    return b.finish(inputs, outputs)


def assembly_fully_connected(rng: np.random.Generator, count: int = 4) -> bytes:
    """Dense layers side by side, with one scale for the weights or one an output."""
    b = ModelBuilder()
    ends = []
    for _ in range(count):
        batches, in_size, out_size = _pick(rng, 1, 1, 3), int(rng.integers(1, 150)), int(rng.integers(1, 40))
        if rng.random() < 0.5:
            in_size, out_size = -(-in_size // 16) * 16, -(-out_size // 4) * 4
        in_scale, scales = random_scale(rng), filter_scales(rng, out_size, rng.random() < 0.5)
        x = b.tensor((batches, in_size), scale=in_scale, zero_point=int(rng.integers(-128, 128)))
        w = b.constant(rng.integers(-127, 128, (out_size, in_size)), "int8", scale=scales)
        limit = int(3000 * np.sqrt(in_size))
        bias = b.constant(rng.integers(-limit, limit, out_size), "int32", scale=scales * np.float32(in_scale))
        zero_point, activation = OUTPUTS[int(rng.integers(len(OUTPUTS)))]
        y = b.tensor((batches, out_size), scale=output_scale(rng, in_scale, scales, in_size), zero_point=zero_point)
        b.operator("FULLY_CONNECTED", [x, w, bias], [y], "FullyConnectedOptions", version=4, fusedActivationFunction=activation)
        ends.append((x, y))
    return b.finish([x for x, _ in ends], [y for _, y in ends])


def steep_depthwise(rng: np.random.Generator) -> bytes:
    """A 3x3 depthwise layer with a ReLU of whose channels one is steep."""
    b, channels, stride = ModelBuilder(), int(rng.integers(4, 14)), _pick(rng, 1, 2)
    size = rng.integers(2, 10, 2).tolist()
    scales = rng.uniform(0.002, 0.005, channels)
    scales[int(rng.integers(channels))] = float(np.exp(rng.uniform(np.log(20), np.log(1000))))
    x = b.tensor((1, *size, channels), scale=0.02, zero_point=-128)
    w = b.constant(rng.integers(-127, 128, (1, 3, 3, channels)), "int8", scale=scales, axis=3)
    bias = b.constant(rng.integers(-3000, 3000, channels), "int32", scale=scales * 0.02)
    y = b.tensor((1, *(-(-extent // stride) for extent in size), channels), scale=0.02, zero_point=-128)
    options = {"padding": "SAME", "strideH": stride, "strideW": stride, "depthMultiplier": 1, "fusedActivationFunction": "RELU"}
    b.operator("DEPTHWISE_CONV_2D", [x, w, bias], [y], "DepthwiseConv2DOptions", version=3, **options)
    return b.finish([x], [y])


CASES = {
    "assembly_add": assembly_add,
    "assembly_conv_2d": assembly_conv_2d,
    "assembly_depthwise": assembly_depthwise,
    "assembly_fully_connected": assembly_fully_connected,
    "assembly_unpadded": assembly_unpadded,
    "steep_depthwise": steep_depthwise,
}
