"""DIV, sums and products of many, logarithms, the largest elements: int8, and float32 between two conversions."""

from __future__ import annotations

import numpy as np

from tests.compile.builder import ModelBuilder
from tests.compile.cases import FUSED, random_scale, random_zero
from tests.compile.cases_structural import some_shape


def div(rng: np.random.Generator) -> bytes:
    """DIV of int8 with broadcasting; some divisors are zero, some quotients far below a step of the output."""
    b, shape = ModelBuilder(), some_shape(rng, range(0, 5), 7)
    shapes = [tuple(1 if rng.random() < 0.3 else n for n in shape) for _ in range(2)] if rng.random() < 0.6 else [shape, shape]
    scales = random_scale(rng), random_scale(rng)
    scale = scales[0] / scales[1] * float(np.exp(rng.uniform(np.log(0.002), np.log(4))))
    x = b.tensor(shapes[0], scale=scales[0], zero_point=random_zero(rng))
    inputs = [x]
    if rng.random() < 0.3:
        other = b.constant(rng.integers(-128, 128, shapes[1]), "int8", scale=scales[1], zero_point=random_zero(rng))
    else:
        other = b.tensor(shapes[1], scale=scales[1], zero_point=random_zero(rng))
        inputs.append(other)
    y = b.tensor(np.broadcast_shapes(*shapes), scale=scale, zero_point=random_zero(rng))
    b.operator("DIV", [x, other], [y], "DivOptions", version=2, fusedActivationFunction=str(rng.choice(FUSED)))
    return b.finish(inputs, [y])


def add_n(rng: np.random.Generator, dtype: str) -> bytes:
    """ADD_N of two to eight tensors."""
    b, shape, count = ModelBuilder(), some_shape(rng, range(1, 5), 6), int(rng.integers(2, 9))
    kind = {"scale": random_scale(rng), "zero_point": random_zero(rng)} if dtype == "int8" else {}
    inputs = [b.tensor(shape, dtype, **kind) for _ in range(count)]
    if kind:
        kind = {"scale": kind["scale"] * float(rng.uniform(0.7, 3)), "zero_point": random_zero(rng)}
    y = b.tensor(shape, dtype, **kind)
    b.operator("ADD_N", inputs, [y], "AddNOptions")
    return b.finish(inputs, [y])


def cumsum_of(rng: np.random.Generator, dtype: str) -> bytes:
    """CUMSUM along any axis, exclusive or reversed at times."""
    b, shape = ModelBuilder(), some_shape(rng, range(1, 5), 7)
    kinds = [{"scale": random_scale(rng), "zero_point": random_zero(rng)} if dtype == "int8" else {} for _ in range(2)]
    if dtype == "int8":
        kinds[1]["scale"] = kinds[0]["scale"] * float(rng.uniform(0.7, 3))
    x, y = b.tensor(shape, dtype, **kinds[0]), b.tensor(shape, dtype, **kinds[1])
    options = {"exclusive": bool(rng.random() < 0.5), "reverse": bool(rng.random() < 0.5)}
    axis = int(rng.integers(-len(shape), len(shape)))
    b.operator("CUMSUM", [x, b.constant(np.array(axis))], [y], "CumsumOptions", **options)
    return b.finish([x], [y])


def log_softmax(rng: np.random.Generator) -> bytes:
    """LOG_SOFTMAX over the last axis."""
    b, shape = ModelBuilder(), (*some_shape(rng, range(0, 3), 4), int(rng.integers(1, 300)))
    x = b.tensor(shape, scale=float(np.exp(rng.uniform(np.log(0.0005), np.log(2)))), zero_point=random_zero(rng))
    y = b.tensor(shape, scale=1 / 16, zero_point=127)
    b.operator("LOG_SOFTMAX", [x], [y], "LogSoftmaxOptions", version=2)
    return b.finish([x], [y])


def reduce_prod(rng: np.random.Generator) -> bytes:
    """REDUCE_PROD of int8 over any axes."""
    b, shape = ModelBuilder(), some_shape(rng, range(1, 5), 4)
    axes = [axis for axis in range(len(shape)) if rng.random() < 0.5] or [0]
    count = int(np.prod([shape[axis] for axis in axes]))
    in_scale = float(rng.uniform(0.005, 0.04))
    x = b.tensor(shape, scale=in_scale, zero_point=random_zero(rng))
    scale = float(np.clip((in_scale * 80) ** count / 100 * rng.uniform(0.5, 2), 1e-5, 10))
    y = b.tensor([n for axis, n in enumerate(shape) if axis not in axes], scale=scale, zero_point=random_zero(rng))
    b.operator("REDUCE_PROD", [x, b.constant(np.array(axes))], [y], "ReducerOptions", version=2, keepDims=False)
    return b.finish([x], [y])


def top_k(rng: np.random.Generator) -> bytes:
    """TOPK_V2 of rows with many equal elements, or of floats."""
    b, dtype = ModelBuilder(), str(rng.choice(["int8", "int8", "int16", "int32", "int64", "float32"]))
    shape = (*some_shape(rng, range(0, 3), 4), int(rng.integers(1, 60)))
    k = int(rng.integers(1, shape[-1] + 1))
    kind = {"scale": random_scale(rng), "zero_point": 0} if dtype in ("int8", "int16") else {}
    x, y, where = b.tensor(shape, dtype, **kind), b.tensor((*shape[:-1], k), dtype, **kind), b.tensor((*shape[:-1], k), "int32")
    b.operator("TOPK_V2", [x, b.constant(np.array(k))], [y, where], "TopKV2Options", version=2)
    return b.finish([x], [y, where])


def with_constant(rng: np.random.Generator) -> bytes:
    """DEQUANTIZE, a float operator with a constant number, QUANTIZE: a table."""
    b, shape = ModelBuilder(), (1, int(rng.integers(1, 300)))
    name = str(rng.choice(["POW", "FLOOR_DIV", "FLOOR_MOD"]))
    options = {"POW": "PowOptions", "FLOOR_DIV": "FloorDivOptions", "FLOOR_MOD": "FloorModOptions"}[name]
    x = b.tensor(shape, scale=float(rng.uniform(0.01, 0.05)), zero_point=-128)
    value, result = b.tensor(shape, "float32"), b.tensor(shape, "float32")
    b.operator("DEQUANTIZE", [x], [value], "DequantizeOptions", version=2)
    number = b.constant(np.array(rng.choice([2.0, 3.0, 0.5, 1.7, -1.5] if name == "POW" else [0.5, 0.3, -0.7, 2.0])), "float32")
    first = name == "POW" and rng.random() < 0.3
    if first:
        number = b.constant(np.array(2.0), "float32")
    b.operator(name, [number, value] if first else [value, number], [result], options, version=2 if name == "FLOOR_DIV" else 1)
    y = b.tensor(shape, scale=float(rng.uniform(0.01, 0.1)), zero_point=random_zero(rng))
    b.operator("QUANTIZE", [result], [y], "QuantizeOptions", version=1)
    return b.finish([x], [y])


CASES = {
    "div": div,
    "add_n_int8": lambda rng: add_n(rng, "int8"),
    "add_n_int32": lambda rng: add_n(rng, "int32"),
    "add_n_float32": lambda rng: add_n(rng, "float32"),
    "cumsum_int8": lambda rng: cumsum_of(rng, "int8"),
    "cumsum_float32": lambda rng: cumsum_of(rng, "float32"),
    "log_softmax": log_softmax,
    "reduce_prod": reduce_prod,
    "top_k": top_k,
    "float_with_constant": with_constant,
}
ENGINES = {
    "div": "tflite-micro",
    "add_n_int8": "tflite-micro",
    "cumsum_int8": "tflite-micro",
    "cumsum_float32": "tflite-micro",
}
