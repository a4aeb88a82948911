"""Single-operator models that compute: unary functions, binary operators, reductions, products, transposed convolution."""

from __future__ import annotations

import numpy as np

from tests.compile.builder import TYPES, ModelBuilder
from tests.compile.cases import FUSED, filter_scales, output_scale, random_scale, random_zero
from tests.compile.cases import binary as fused_binary
from tests.compile.cases_structural import some_shape


def unary(rng: np.random.Generator, name: str, options: str = "", version: int = 1, **fields: object) -> bytes:
    """A unary operator over 256 elements, scales equal at times."""
    b = ModelBuilder()
    in_scale = random_scale(rng)
    scale = in_scale * float(rng.choice([1.0, rng.uniform(0.3, 3)]))
    x = b.tensor((2, 8, 16), scale=in_scale, zero_point=-128 if name == "RSQRT" else random_zero(rng))
    y = b.tensor((2, 8, 16), scale=scale, zero_point=random_zero(rng))
    b.operator(name, [x], [y], options, version=version, **fields)
    return b.finish([x], [y])


def leaky_relu(rng: np.random.Generator) -> bytes:
    """LEAKY_RELU of any slope."""
    return unary(rng, "LEAKY_RELU", "LeakyReluOptions", version=2, alpha=float(rng.choice([0.1, 0.3, 0.01, 1.5, -0.5])))


def tanh(rng: np.random.Generator) -> bytes:
    """TANH to the fixed scale of 1/128."""
    b = ModelBuilder()
    x = b.tensor((2, 8, 16), scale=random_scale(rng), zero_point=random_zero(rng))
    y = b.tensor((2, 8, 16), scale=1 / 128, zero_point=0)
    b.operator("TANH", [x], [y], version=2)
    return b.finish([x], [y])


def rsqrt(rng: np.random.Generator) -> bytes:
    """RSQRT of positive elements, the only ones the reference takes."""
    b = ModelBuilder()
    scale = random_scale(rng)
    x = b.tensor((2, 8, 16), scale=scale, zero_point=-128)
    y = b.tensor((2, 8, 16), scale=float(rng.uniform(0.1, 1) / np.sqrt(scale) / 128), zero_point=random_zero(rng))
    b.operator("RSQRT", [x], [y], version=2)
    return b.finish([x], [y])


def _broadcast(rng: np.random.Generator, name: str, options: str, ranks: range, version: int = 2) -> bytes:
    """A binary operator of tensors of one rank whose extents are 1 here and there, of any scales."""
    b = ModelBuilder()
    shape = some_shape(rng, ranks, 7)
    shapes = [tuple(1 if rng.random() < 0.3 else n for n in shape) for _ in range(2)] if rng.random() < 0.6 else [shape, shape]
    if rng.random() < 0.3:
        shapes[1] = shapes[1][int(rng.integers(0, len(shape))) :]
    equal = name in ("MAXIMUM", "MINIMUM") and rng.random() < 0.7
    kinds = [{"scale": random_scale(rng), "zero_point": random_zero(rng)} for _ in range(3)]
    if equal:
        kinds = kinds[:1] * 3
    if name == "SQUARED_DIFFERENCE":
        kinds[2]["scale"] = max(kinds[0]["scale"], kinds[1]["scale"]) ** 2 * 255 * float(rng.uniform(0.2, 1.5))
    x = b.tensor(shapes[0], **kinds[0])
    if rng.random() < 0.25:
        inputs = [x]
        other = b.constant(rng.integers(-128, 128, shapes[1]), "int8", **kinds[1])
    else:
        other = b.tensor(shapes[1], **kinds[1])
        inputs = [x, other]
    y = b.tensor(np.broadcast_shapes(*shapes), **kinds[2])
    fields = {"fusedActivationFunction": str(rng.choice(FUSED))} if options == "SubOptions" else {}
    b.operator(name, [x, other], [y], options, version=version, **fields)
    return b.finish(inputs, [y])


def prelu(rng: np.random.Generator) -> bytes:
    """PRELU with a slope for each channel, or for any other axes."""
    b = ModelBuilder()
    shape = some_shape(rng, range(1, 5), 9)
    shared = tuple(1 if rng.random() < 0.5 else n for n in shape[:-1])
    slopes = rng.integers(-128, 128, (*shared, shape[-1])[int(rng.integers(0, len(shape))) :])
    scale = random_scale(rng)
    x = b.tensor(shape, scale=scale, zero_point=random_zero(rng))
    alpha = b.constant(slopes, "int8", scale=float(rng.uniform(0.002, 0.02)), zero_point=int(rng.choice([0, 0, 5])))
    y = b.tensor(shape, scale=scale * float(rng.uniform(0.5, 1.5)), zero_point=random_zero(rng))
    b.operator("PRELU", [x, alpha], [y])
    return b.finish([x], [y])


def _reduce(rng: np.random.Generator, name: str) -> bytes:
    b = ModelBuilder()
    shape = some_shape(rng, range(1, 6), 7)
    axes = [axis for axis in range(len(shape)) if rng.random() < 0.5] or [0]
    keep = bool(rng.random() < 0.5)
    out = [1 if axis in axes else n for axis, n in enumerate(shape) if keep or axis not in axes]
    scale, zero = random_scale(rng), random_zero(rng)
    x = b.tensor(shape, scale=scale, zero_point=zero)
    if name == "SUM" and rng.random() < 0.7:
        count = np.prod([shape[axis] for axis in axes])
        scale, zero = scale * float(np.sqrt(count) * rng.uniform(0.7, 2)), random_zero(rng)
    y = b.tensor(out, scale=scale, zero_point=zero)
    listed = [axis - len(shape) if rng.random() < 0.3 else axis for axis in axes]
    b.operator(name, [x, b.constant(np.array(listed))], [y], "ReducerOptions", version=2, keepDims=keep)
    return b.finish([x], [y])


def _arg(rng: np.random.Generator, name: str, options: str) -> bytes:
    b = ModelBuilder()
    shape = some_shape(rng, range(1, 5), 12)
    axis = int(rng.integers(0, len(shape)))
    dtype = str(rng.choice(["int32", "int64"]))
    x, y = b.tensor(shape, scale=random_scale(rng)), b.tensor([*shape[:axis], *shape[axis + 1 :]], dtype)
    listed = b.constant(np.array(axis - len(shape) if rng.random() < 0.3 else axis))
    b.operator(name, [x, listed], [y], options, version=2, outputType=TYPES[dtype])
    return b.finish([x], [y])


def transpose_conv(rng: np.random.Generator) -> bytes:
    """TRANSPOSE_CONV of any kernel and stride, both paddings, sizes that Keras gives and others."""
    b = ModelBuilder()
    kernel = tuple(int(k) for k in rng.integers(1, 6, 2))
    stride = tuple(int(s) for s in rng.integers(1, 4, 2))
    size = [int(n) for n in rng.integers(1, 8, 2)]
    depth, channels = (int(c) for c in rng.integers(1, 20, 2))
    padding = str(rng.choice(["SAME", "VALID"]))
    smallest = [(n - 1) * s + (1 if padding == "SAME" else k) for n, s, k in zip(size, stride, kernel, strict=True)]
    out = [n + int(rng.integers(0, s)) for n, s in zip(smallest, stride, strict=True)]
    in_scale = random_scale(rng)
    scales = filter_scales(rng, channels, channels == 1 or rng.random() < 0.7)
    weights = rng.integers(-127, 128, (channels, *kernel, depth))
    x = b.tensor((1, *size, depth), scale=in_scale, zero_point=random_zero(rng))
    w = b.constant(weights, "int8", scale=scales)
    inputs = [b.constant(np.array([1, *out, channels])), w, x]
    if rng.random() < 0.7:
        inputs.append(b.constant(rng.integers(-20000, 20000, channels), "int32", scale=scales * np.float32(in_scale)))
    y = b.tensor((1, *out, channels), scale=output_scale(rng, in_scale, scales, weights[0].size), zero_point=random_zero(rng))
    b.operator(
        "TRANSPOSE_CONV",
        inputs,
        [y],
        "TransposeConvOptions",
        version=3,
        padding=padding,
        strideH=stride[0],
        strideW=stride[1],
    )
    return b.finish([x], [y])


def batch_matmul(rng: np.random.Generator, every_form: bool = False) -> bytes:
    """BATCH_MATMUL, either operand transposed, batches broadcast, the second a constant at times.

    BUILTIN_REF of tflite-runtime 2.14 goes wrong where the first is transposed and the second repeated; tflite-micro does not,
    but multiplies the scales in double, as is compiled for that form; in the others they are such that the product is exact.
    """
    b = ModelBuilder()
    rows, depth, columns = (int(n) for n in rng.integers(1, 20, 3))
    batch = some_shape(rng, range(0, 3), 4)
    batches = [tuple(1 if rng.random() < 0.2 else n for n in batch) for _ in range(2)]
    swap = [bool(rng.random() < 0.5) for _ in range(2)]
    repeated = batches[1] != np.broadcast_shapes(*batches)
    swap[0] = swap[0] and (every_form or not repeated)
    matrices = [(depth, rows) if swap[0] else (rows, depth), (columns, depth) if swap[1] else (depth, columns)]
    scales = random_scale(rng), random_scale(rng)
    if every_form and not (swap[0] and repeated):
        scales = round(scales[0] * 2048 + 1) / 2048, round(scales[1] * 2048 + 1) / 2048
    x = b.tensor((*batches[0], *matrices[0]), scale=scales[0], zero_point=random_zero(rng))
    inputs = [x]
    if rng.random() < 0.4:
        other = b.constant(rng.integers(-128, 128, (*batches[1], *matrices[1])), "int8", scale=scales[1])
    else:
        other = b.tensor((*batches[1], *matrices[1]), scale=scales[1], zero_point=random_zero(rng))
        inputs.append(other)
    scale = scales[0] * scales[1] * float(np.sqrt(depth) * rng.uniform(20, 100))
    y = b.tensor((*np.broadcast_shapes(*batches), rows, columns), scale=scale, zero_point=random_zero(rng))
    b.operator("BATCH_MATMUL", [x, other], [y], "BatchMatMulOptions", version=3, adjX=swap[0], adjY=swap[1])
    return b.finish(inputs, [y])


CASES = {
    "leaky_relu": leaky_relu,
    "tanh": tanh,
    "hard_swish": lambda rng: unary(rng, "HARD_SWISH"),
    "abs": lambda rng: unary(rng, "ABS", version=2),
    "rsqrt": rsqrt,
    "sub": lambda rng: _broadcast(rng, "SUB", "SubOptions", range(1, 5)),
    "sub_fused": lambda rng: fused_binary(rng, "SUB", "SubOptions"),
    "maximum": lambda rng: _broadcast(rng, "MAXIMUM", "MaximumMinimumOptions", range(1, 6)),
    "minimum": lambda rng: _broadcast(rng, "MINIMUM", "MaximumMinimumOptions", range(1, 6)),
    "squared_difference": lambda rng: _broadcast(rng, "SQUARED_DIFFERENCE", "SquaredDifferenceOptions", range(1, 5)),
    "prelu": prelu,
    "reduce_max": lambda rng: _reduce(rng, "REDUCE_MAX"),
    "reduce_min": lambda rng: _reduce(rng, "REDUCE_MIN"),
    "sum": lambda rng: _reduce(rng, "SUM"),
    "arg_max": lambda rng: _arg(rng, "ARG_MAX", "ArgMaxOptions"),
    "arg_min": lambda rng: _arg(rng, "ARG_MIN", "ArgMinOptions"),
    "transpose_conv": transpose_conv,
    "batch_matmul": batch_matmul,
    "batch_matmul_broadcast": lambda rng: batch_matmul(rng, every_form=True),
}
ENGINES = {
    "sum": "tflite-micro",  # BUILTIN_REF of tflite-runtime 2.14 reads the int8 elements of a SUM as uint8
    "batch_matmul_broadcast": "tflite-micro",
}
