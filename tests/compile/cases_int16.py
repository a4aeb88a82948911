"""Single-operator models on int16 activations, checked against TFLite Micro (tflite-runtime where only it has the form)."""

from __future__ import annotations

import numpy as np

from tests.compile.builder import ModelBuilder
from tests.compile.cases import FUSED, filter_scales, random_scale

INT16 = 1 / 300  # int16 scales relative to the int8 scales of random_scale


def scale16(rng: np.random.Generator) -> float:
    """A scale as calibration gives it for int16."""
    return float(np.float32(random_scale(rng) * INT16))


def activation(b: ModelBuilder, shape: tuple[int, ...], scale: float) -> int:
    """An int16 tensor."""
    return b.tensor(shape, "int16", scale=scale, zero_point=0)


def spread(rng: np.random.Generator, in_scale: float, scales: np.ndarray, macs: int) -> float:
    """An output scale that uses the int16 range: from saturating to a few values."""
    real = in_scale * 19000 * float(scales.mean()) * 73 * np.sqrt(macs)
    return float(np.float32(real * np.exp(rng.uniform(np.log(0.3), np.log(4))) / 32768))


def extent(size: int, kernel: int, stride: int, dilation: int, padding: str) -> int:
    """Output extent of a sliding window."""
    return -(-size // stride) if padding == "SAME" else (size - (kernel - 1) * dilation - 1) // stride + 1


def _bias(b: ModelBuilder, rng: np.random.Generator, channels: int, scales: np.ndarray, wide: bool) -> int:
    low, high = (-(1 << 33), 1 << 33) if wide and rng.random() < 0.3 else (-3_000_000, 3_000_000)
    return b.constant(rng.integers(low, high, channels), "int64" if wide else "int32", scale=scales)


def conv(rng: np.random.Generator, depthwise: bool, wide: bool = True) -> bytes:
    """CONV_2D or DEPTHWISE_CONV_2D of any kernel, stride, dilation, padding, groups or multiplier."""
    b = ModelBuilder()
    kernel = tuple(int(k) for k in rng.integers(1, 5, 2))
    stride = tuple(int(s) for s in (rng.integers(1, 4, 2) if rng.random() < 0.5 else (1, 1)))
    dilation = tuple(int(d) for d in rng.integers(1, 4, 2)) if stride == (1, 1) and rng.random() < 0.3 else (1, 1)
    padding = str(rng.choice(["SAME", "VALID"]))
    size = [int(rng.integers(1, 9)) + (k - 1) * d * (padding == "VALID") for k, d in zip(kernel, dilation, strict=True)]
    out = [extent(n, k, s, d, padding) for n, k, s, d in zip(size, kernel, stride, dilation, strict=True)]
    in_scale = scale16(rng)
    if depthwise:
        depth, multiplier = int(rng.integers(1, 20)), int(rng.choice([1, 1, 2, 3]))
        channels, groups = depth * multiplier, 1
        shape, axis = (1, *kernel, channels), 3
    else:
        groups = int(rng.choice([1, 1, 1, 2, 3]))
        depth, channels = int(rng.integers(1, 40)), groups * int(rng.integers(1, 12))
        shape, axis = (channels, *kernel, depth), 0
    scales = filter_scales(rng, channels, rng.random() < 0.7)
    x = activation(b, (1, *size, depth * groups), in_scale)
    w = b.constant(rng.integers(-127, 128, shape), "int8", scale=scales, axis=axis)
    inputs = [x, w]
    if not wide or rng.random() < 0.8:
        inputs.append(_bias(b, rng, channels, scales * np.float32(in_scale), wide))
    y = activation(b, (1, *out, channels), spread(rng, in_scale, scales, kernel[0] * kernel[1] * (1 if depthwise else depth)))
    options = {"depthMultiplier": channels // depth} if depthwise else {}
    b.operator(
        "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
        inputs,
        [y],
        "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions",
        version=5,
        padding=padding,
        strideH=stride[0],
        strideW=stride[1],
        dilationHFactor=dilation[0],
        dilationWFactor=dilation[1],
        fusedActivationFunction=str(rng.choice(FUSED)),
        **options,
    )
    return b.finish([x], [y])


def fully_connected(rng: np.random.Generator, wide: bool = True, per_output: bool = False) -> bytes:
    """FULLY_CONNECTED with one or several rows, long enough for several blocks of the dot product."""
    b = ModelBuilder()
    batches, in_size, out_size = int(rng.choice([1, 1, 3])), int(rng.integers(1, 700)), int(rng.integers(1, 30))
    in_scale, scales = scale16(rng), filter_scales(rng, out_size, per_output)
    x = activation(b, (batches, in_size), in_scale)
    w = b.constant(rng.integers(-127, 128, (out_size, in_size)), "int8", scale=scales)
    inputs = [x, w]
    if not wide or rng.random() < 0.8:
        inputs.append(_bias(b, rng, out_size, scales * np.float32(in_scale), wide))
    else:
        inputs.append(-1)
    y = activation(b, (batches, out_size), spread(rng, in_scale, scales, in_size))
    b.operator("FULLY_CONNECTED", inputs, [y], "FullyConnectedOptions", version=7, fusedActivationFunction=str(rng.choice(FUSED)))
    return b.finish([x], [y])


def transpose_conv(rng: np.random.Generator) -> bytes:
    """TRANSPOSE_CONV of any kernel, stride and padding."""
    b = ModelBuilder()
    kernel, stride = (tuple(int(n) for n in rng.integers(1, 5, 2)) for _ in range(2))
    padding = str(rng.choice(["SAME", "VALID"]))
    size = [int(n) for n in rng.integers(1, 7, 2)]
    out = []
    for n, k, s in zip(size, kernel, stride, strict=True):
        out.append((n - 1) * s + int(rng.integers(1, s + 1)) if padding == "SAME" else (n - 1) * s + k + int(rng.integers(0, s)))
    depth, channels = (int(n) for n in rng.integers(1, 20, 2))
    in_scale, scales = scale16(rng), filter_scales(rng, channels, rng.random() < 0.7)
    shape = b.constant(np.array([1, *out, channels]))
    x = activation(b, (1, *size, depth), in_scale)
    w = b.constant(rng.integers(-127, 128, (channels, *kernel, depth)), "int8", scale=scales)
    inputs = [shape, w, x, _bias(b, rng, channels, scales * np.float32(in_scale), True)]
    y = activation(b, (1, *out, channels), spread(rng, in_scale, scales, kernel[0] * kernel[1] * depth))
    b.operator(
        "TRANSPOSE_CONV", inputs, [y], "TransposeConvOptions", version=3, padding=padding, strideH=stride[0], strideW=stride[1]
    )
    return b.finish([x], [y])


def binary(rng: np.random.Generator, name: str) -> bytes:
    """ADD, SUB or MUL of equal shapes, or broadcasting, or with a constant."""
    b = ModelBuilder()
    shape = tuple(int(n) for n in rng.integers(1, 9, int(rng.integers(1, 5))))
    other = shape
    if rng.random() < 0.4:
        other = tuple(1 if rng.random() < 0.5 else n for n in shape)[int(rng.integers(0, len(shape))) :]
    first_scale, second_scale = scale16(rng), scale16(rng)
    first = activation(b, shape, first_scale)
    inputs = [first]
    if rng.random() < 0.25:
        second = b.constant(rng.integers(-32768, 32768, other), "int16", scale=second_scale)
    else:
        second = activation(b, other, second_scale)
        inputs.append(second)
    operands = [first, second] if rng.random() < 0.5 else [second, first]
    largest = first_scale * second_scale * 32768 if name == "MUL" else first_scale + second_scale
    y = activation(b, shape, float(np.float32(largest * rng.uniform(0.2, 1.2))))
    fields: dict[str, object] = {"fusedActivationFunction": str(rng.choice(FUSED))}
    if name != "MUL":
        fields["potScaleInt16"] = bool(rng.random() < 0.5)
    b.operator(name, operands, [y], f"{name.title()}Options", version=4, **fields)
    return b.finish(inputs, [y])


def unary(rng: np.random.Generator, name: str) -> bytes:
    """LEAKY_RELU, LOGISTIC, TANH, SOFTMAX."""
    b = ModelBuilder()
    shape = (*(int(n) for n in rng.integers(1, 6, int(rng.integers(1, 4)))), int(rng.integers(1, 68)))
    in_scale, out_scale, options, fields = scale16(rng), 1 / 32768, "", {}
    if name in ("LOGISTIC", "TANH"):
        if rng.random() < 0.5:
            in_scale = float(2.0 ** rng.integers(-15, -9))
    elif name == "SOFTMAX":
        options, fields = "SoftmaxOptions", {"beta": float(rng.choice([1.0, 1.0, 0.5, 2.0]))}
    else:
        out_scale = in_scale * float(rng.uniform(0.3, 1.3))
        options, fields = "LeakyReluOptions", {"alpha": float(rng.choice([0.3, 0.01, rng.uniform(-1.5, 1.5)]))}
    x, y = activation(b, shape, in_scale), activation(b, shape, out_scale)
    b.operator(name, [x], [y], options, version=2, **fields)
    return b.finish([x], [y])


def quantize(rng: np.random.Generator) -> bytes:
    """QUANTIZE int8 to int16, to another int16 scale, and back to int8: three outputs."""
    b = ModelBuilder()
    shape = tuple(int(n) for n in rng.integers(1, 9, int(rng.integers(1, 5))))
    scale = random_scale(rng)
    x = b.tensor(shape, scale=scale, zero_point=int(rng.integers(-128, 128)))
    first = activation(b, shape, scale * INT16 * float(rng.uniform(0.5, 3)))
    second = activation(b, shape, scale * INT16 * float(rng.uniform(0.5, 3)))
    last = b.tensor(shape, scale=scale * float(rng.uniform(0.5, 2)), zero_point=int(rng.integers(-128, 128)))
    for source, result in ((x, first), (first, second), (second, last)):
        b.operator("QUANTIZE", [source], [result], "QuantizeOptions", version=3)
    return b.finish([x], [first, second, last])


def requantize(rng: np.random.Generator) -> bytes:
    """QUANTIZE int16 to int8 and to another int16 scale, of every int16 value."""
    b = ModelBuilder()
    scale, shape = scale16(rng), (1, int(rng.integers(1, 500)))
    x = activation(b, shape, scale)
    narrow = b.tensor(shape, scale=scale / INT16 * float(rng.uniform(0.5, 2)), zero_point=int(rng.integers(-128, 128)))
    other = activation(b, shape, scale * float(rng.uniform(0.3, 40)))
    b.operator("QUANTIZE", [x], [narrow], "QuantizeOptions", version=3)
    b.operator("QUANTIZE", [x], [other], "QuantizeOptions", version=3)
    return b.finish([x], [narrow, other])


def edges(rng: np.random.Generator) -> bytes:
    """Float in, QUANTIZE to int16, DEQUANTIZE, float out."""
    b = ModelBuilder()
    shape = (1, int(rng.integers(1, 200)))
    x, y = b.tensor(shape, "float32"), b.tensor(shape, "float32")
    q = activation(b, shape, scale16(rng))
    b.operator("QUANTIZE", [x], [q], "QuantizeOptions", version=3)
    b.operator("DEQUANTIZE", [q], [y], "DequantizeOptions", version=3)
    return b.finish([x], [y])


def moves(rng: np.random.Generator) -> bytes:
    """STRIDED_SLICE, CONCATENATION with itself, PAD, RESHAPE."""
    b = ModelBuilder()
    shape = tuple(int(n) for n in rng.integers(2, 7, 4))
    scale = scale16(rng)
    begin = [int(rng.integers(0, n)) for n in shape]
    end = [int(rng.integers(low + 1, n + 1)) for low, n in zip(begin, shape, strict=True)]
    stride = [int(rng.integers(1, 3)) for _ in shape]
    cut = [len(range(*each)) for each in zip(begin, end, stride, strict=True)]
    axis = int(rng.integers(0, 4))
    joined = [2 * n if i == axis else n for i, n in enumerate(cut)]
    paddings = rng.integers(0, 3, (4, 2))
    padded = [n + int(sum(p)) for n, p in zip(joined, paddings, strict=True)]
    x = activation(b, shape, scale)
    t = [activation(b, tuple(each), scale) for each in (cut, joined, padded, (1, int(np.prod(padded))))]
    positions = [b.constant(np.array(each)) for each in (begin, end, stride)]
    b.operator("STRIDED_SLICE", [x, *positions], [t[0]], "StridedSliceOptions", version=4)
    b.operator("CONCATENATION", [t[0], t[0]], [t[1]], "ConcatenationOptions", version=3, axis=axis)
    b.operator("PAD", [t[1], b.constant(paddings)], [t[2]], "PadOptions", version=3)
    b.operator("RESHAPE", [t[2], b.constant(np.array([1, -1]))], [t[3]], "ReshapeOptions")
    return b.finish([x], [t[0], t[3]])


def relu(rng: np.random.Generator) -> bytes:
    """RELU between scales: tflite-micro has it, and no other."""
    b = ModelBuilder()
    shape = tuple(int(n) for n in rng.integers(1, 9, int(rng.integers(1, 5))))
    scale = scale16(rng)
    x, y = activation(b, shape, scale), activation(b, shape, scale * float(rng.uniform(0.3, 3)))
    b.operator("RELU", [x], [y], version=2)
    return b.finish([x], [y])


def larger(rng: np.random.Generator) -> bytes:
    """MAXIMUM or MINIMUM of one scale, with broadcasting."""
    b, scale = ModelBuilder(), scale16(rng)
    shape = tuple(int(n) for n in rng.integers(1, 7, int(rng.integers(1, 5))))
    other = tuple(1 if rng.random() < 0.3 else n for n in shape)
    x, z, y = (activation(b, each, scale) for each in (shape, other, shape))
    b.operator(str(rng.choice(["MAXIMUM", "MINIMUM"])), [x, z], [y], "MaximumMinimumOptions", version=3)
    return b.finish([x, z], [y])


def extreme(rng: np.random.Generator) -> bytes:
    """REDUCE_MAX or REDUCE_MIN over any axes."""
    b, scale = ModelBuilder(), scale16(rng)
    shape = tuple(int(n) for n in rng.integers(1, 7, int(rng.integers(1, 5))))
    axes, keep = [axis for axis in range(len(shape)) if rng.random() < 0.5] or [0], bool(rng.random() < 0.5)
    out = [1 if axis in axes else n for axis, n in enumerate(shape) if keep or axis not in axes]
    x, y = activation(b, shape, scale), activation(b, out, scale)
    name = str(rng.choice(["REDUCE_MAX", "REDUCE_MIN"]))
    b.operator(name, [x, b.constant(np.array(axes))], [y], "ReducerOptions", version=3, keepDims=keep)
    return b.finish([x], [y])


def mean(rng: np.random.Generator) -> bytes:
    """MEAN over the pixels or other axes."""
    b = ModelBuilder()
    shape = (1, *(int(n) for n in rng.integers(1, 9, 3)))
    axes, keep = [[1, 2], [1], [2], [3], [2, 3]][int(rng.integers(5))], bool(rng.random() < 0.5)
    out = [1 if i in axes else n for i, n in enumerate(shape) if keep or i not in axes]
    scale = scale16(rng)
    x, y = activation(b, shape, scale), activation(b, out, scale * float(rng.choice([1.0, rng.uniform(0.2, 2)])))
    b.operator("MEAN", [x, b.constant(np.array(axes))], [y], "ReducerOptions", version=3, keepDims=keep)
    return b.finish([x], [y])


def softmax_of_int8(rng: np.random.Generator) -> bytes:
    """SOFTMAX of int8 values to int16 probabilities, as keyword models for TFLite Micro end."""
    b = ModelBuilder()
    shape = (int(rng.integers(1, 4)), int(rng.integers(1, 60)))
    x = b.tensor(shape, scale=random_scale(rng), zero_point=int(rng.integers(-128, 128)))
    y = b.tensor(shape, "int16", scale=1 / 65536, zero_point=-32768)
    b.operator("SOFTMAX", [x], [y], "SoftmaxOptions", version=3, beta=1.0)
    return b.finish([x], [y])


def quantize_int32(rng: np.random.Generator) -> bytes:
    """QUANTIZE int32 to int16 and int8, int16 and int8 to int32."""
    b = ModelBuilder()
    shape, scale = (1, int(rng.integers(1, 300))), scale16(rng)
    x, z = b.tensor(shape, "int32", scale=scale / 70000, zero_point=0), activation(b, shape, scale)
    first, second = activation(b, shape, scale), b.tensor(shape, scale=scale * 250, zero_point=int(rng.integers(-128, 128)))
    third = b.tensor(shape, "int32", scale=scale * float(rng.uniform(0.01, 2)), zero_point=0)
    v = b.tensor(shape, scale=scale * 250, zero_point=int(rng.integers(-128, 128)))
    fourth = b.tensor(shape, "int32", scale=scale * float(rng.uniform(0.01, 2)), zero_point=int(rng.integers(-9999, 9999)))
    for source, result in ((x, first), (x, second), (z, third), (v, fourth)):
        b.operator("QUANTIZE", [source], [result], "QuantizeOptions", version=3)
    return b.finish([x, z, v], [first, second, third, fourth])


CASES = {
    "int16_conv_2d": lambda rng: conv(rng, False),
    "int16_conv_2d_bias32": lambda rng: conv(rng, False, False),
    "int16_depthwise_conv_2d": lambda rng: conv(rng, True),
    "int16_fully_connected": fully_connected,
    "int16_fully_connected_bias32": lambda rng: fully_connected(rng, False),
    "int16_transpose_conv": transpose_conv,
    "int16_add": lambda rng: binary(rng, "ADD"),
    "int16_sub": lambda rng: binary(rng, "SUB"),
    "int16_mul": lambda rng: binary(rng, "MUL"),
    "int16_leaky_relu": lambda rng: unary(rng, "LEAKY_RELU"),
    "int16_logistic": lambda rng: unary(rng, "LOGISTIC"),
    "int16_tanh": lambda rng: unary(rng, "TANH"),
    "int16_softmax": lambda rng: unary(rng, "SOFTMAX"),
    "int16_quantize": quantize,
    "int16_requantize": requantize,
    "int16_edges": edges,
    "int16_moves": moves,
    "int16_fully_connected_per_output": lambda rng: fully_connected(rng, per_output=True),
    "int16_relu": relu,
    "int16_mean": mean,
    "int16_larger": larger,
    "int16_extreme": extreme,
    "int16_softmax_of_int8": softmax_of_int8,
    "int16_quantize_int32": quantize_int32,
}
ENGINES = dict.fromkeys(CASES, "tflite-micro") | {
    "int16_fully_connected_bias32": "tflite-ref",
    "int16_extreme": "tflite-ref",
}
