"""Plain integers and bool in an int8 model: indices, counts and masks. int32 inputs have any value, so sums and products wrap."""

from __future__ import annotations

import numpy as np

from tests.compile.builder import TYPES, ModelBuilder
from tests.compile.cases import random_scale, random_zero
from tests.compile.cases_structural import some_shape
from tests.compile.cases_sums import cumsum_of

ARITHMETIC = {
    "ADD": "AddOptions",
    "SUB": "SubOptions",
    "MUL": "MulOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "MAXIMUM": "MaximumMinimumOptions",
}
DIVISION = {"DIV": "DivOptions", "FLOOR_DIV": "FloorDivOptions", "FLOOR_MOD": "FloorModOptions"}
RELATIONS = ("LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL", "EQUAL", "NOT_EQUAL")
WIDE = ("int32", "int32", "int64")


def _pick(rng: np.random.Generator, choices: object) -> str:
    return str(rng.choice(list(choices)))  # type: ignore[call-overload]


def _operands(rng: np.random.Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes that broadcast, at times scalars."""
    shape = some_shape(rng, range(0, 5), 6)
    other = tuple(1 if rng.random() < 0.4 else n for n in shape)
    return shape, other[int(rng.integers(0, len(shape) + 1)) :] if rng.random() < 0.3 else other


def arithmetic(rng: np.random.Generator) -> bytes:
    """One operator on two computed tensors, or on one and a constant, with a fused activation at times."""
    b, (first, second), dtype = ModelBuilder(), _operands(rng), _pick(rng, WIDE)
    name = _pick(rng, ARITHMETIC)
    x = b.tensor(first, dtype)
    inputs = [x]
    if rng.random() < 0.5:
        other = b.constant(rng.integers(-(1 << 20), 1 << 20, second), dtype)
    else:
        other = b.tensor(second, dtype)
        inputs.append(other)
    y = b.tensor(np.broadcast_shapes(first, second), dtype)
    fused = name in ("ADD", "SUB", "MUL") and dtype == "int32"
    fields = {"fusedActivationFunction": _pick(rng, ("NONE", "RELU", "RELU6", "RELU_N1_TO_1"))} if fused else {}
    b.operator(name, [x, other] if rng.random() < 0.5 else [other, x], [y], ARITHMETIC[name], version=2, **fields)
    return b.finish(inputs, [y])


def division(rng: np.random.Generator) -> bytes:
    """A division by constants, none of them zero: the reference refuses to run it."""
    b, (first, second), name = ModelBuilder(), _operands(rng), _pick(rng, DIVISION)
    dtype = _pick(rng, ("int32",) if name == "DIV" else ("int8", "int16", "int32"))
    divisors = rng.integers(1, 100, second) * rng.choice([-1, 1], second)
    kind = {"scale": 0.1} if dtype in ("int8", "int16") else {}
    x, y = b.tensor(first, dtype, **kind), b.tensor(np.broadcast_shapes(first, second), dtype, **kind)
    b.operator(name, [x, b.constant(divisors, dtype, **kind)], [y], DIVISION[name], version=1 if name != "FLOOR_DIV" else 3)
    return b.finish([x], [y])


def mask(rng: np.random.Generator) -> bytes:
    """Two comparisons, joined and negated; a choice by them, and whether any or all hold, as a number."""
    b, (first, second), dtype = ModelBuilder(), _operands(rng), _pick(rng, WIDE)
    shape = np.broadcast_shapes(first, second)
    x, limits = b.tensor(first, dtype), b.constant(rng.integers(-5, 6, second) * (1 << 28), dtype)
    results = [b.tensor(shape, "bool") for _ in range(2)]
    for result in results:
        b.operator(_pick(rng, RELATIONS), [x, limits], [result], version=1)
    both, inverse = b.tensor(shape, "bool"), b.tensor(shape, "bool")
    name = _pick(rng, ("LOGICAL_AND", "LOGICAL_OR", "EQUAL", "NOT_EQUAL"))
    b.operator(name, results, [both], version=3 if "EQUAL" in name else 1)
    b.operator("LOGICAL_NOT", [both], [inverse], "LogicalNotOptions")
    chosen, other = b.tensor(shape, dtype), b.constant(np.array(7), dtype)
    b.operator("SELECT_V2", [inverse, x, other], [chosen], "SelectV2Options")
    number = b.tensor((), "float32")
    reduced = inverse
    if shape:
        reduced = b.tensor((), "bool")
        axes = b.constant(np.arange(len(shape)))
        b.operator(_pick(rng, ("REDUCE_ANY", "REDUCE_ALL")), [inverse, axes], [reduced], "ReducerOptions")
    b.operator("CAST", [reduced], [number], "CastOptions", inDataType=TYPES["bool"], outDataType=TYPES["float32"])
    return b.finish([x], [both, chosen, number])


def cast(rng: np.random.Generator) -> bytes:
    """From any type to any other; floats are within the range of the integers they become."""
    b, shape = ModelBuilder(), some_shape(rng, range(0, 4), 9)
    types = ("bool", "int8", "int16", "int32", "int64", "float32")
    source, target = _pick(rng, types), _pick(rng, types)
    x, y = b.tensor(shape, source), b.tensor(shape, target)
    b.operator("CAST", [x], [y], "CastOptions", inDataType=TYPES[source], outDataType=TYPES[target])
    return b.finish([x], [y])


def unary(rng: np.random.Generator) -> bytes:
    """NEG, ABS or SIGN of int32, in place behind another operator."""
    b, shape = ModelBuilder(), some_shape(rng, range(0, 4), 9)
    x, between, y = (b.tensor(shape, "int32") for _ in range(3))
    b.operator("ADD", [x, b.constant(np.array(3))], [between], "AddOptions")
    name = _pick(rng, ("NEG", "SIGN", "ABS"))
    b.operator(name, [between], [y], version=1)
    return b.finish([x], [y])


def reduce(rng: np.random.Generator) -> bytes:
    """SUM, REDUCE_PROD, REDUCE_MAX or REDUCE_MIN of int32 or int64 over any axes."""
    b, shape, dtype = ModelBuilder(), some_shape(rng, range(1, 6), 5), _pick(rng, WIDE)
    axes = [axis for axis in range(len(shape)) if rng.random() < 0.5] or [0]
    keep = bool(rng.random() < 0.5)
    x = b.tensor(shape, dtype)
    y = b.tensor([1 if axis in axes else n for axis, n in enumerate(shape) if keep or axis not in axes], dtype)
    name = _pick(rng, ("SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN"))
    b.operator(name, [x, b.constant(np.array(axes))], [y], "ReducerOptions", version=2 if name != "SUM" else 1, keepDims=keep)
    return b.finish([x], [y])


def embedding(rng: np.random.Generator) -> bytes:
    """What Keras 3's Embedding becomes: indices below zero count from the end, then rows of a table."""
    b, count, width, batch = ModelBuilder(), int(rng.integers(1, 60)), int(rng.integers(1, 9)), int(rng.integers(1, 3))
    dtype, shape = _pick(rng, ("int32", "int32", "int64")), (batch, int(rng.integers(1, 8)))
    kind = {"scale": random_scale(rng), "zero_point": random_zero(rng)}
    x, index, below, wrapped, chosen = (b.tensor(shape, kind) for kind in (dtype, dtype, "bool", dtype, dtype))
    n = b.constant(np.array(count), dtype)
    b.operator("FLOOR_MOD", [x, n], [index], "FloorModOptions")
    signed = b.tensor(shape, dtype)
    b.operator("SUB", [index, b.constant(np.array(count // 2), dtype)], [signed], "SubOptions", version=2)
    b.operator("LESS", [signed, b.constant(np.array(0), dtype)], [below])
    b.operator("ADD", [signed, n], [wrapped], "AddOptions", version=2)
    v2 = rng.random() < 0.5
    b.operator("SELECT_V2" if v2 else "SELECT", [below, wrapped, signed], [chosen], "SelectV2Options" if v2 else "SelectOptions")
    table = b.constant(rng.integers(-128, 128, (count, width)), "int8", **kind)
    y = b.tensor((*shape, width), **kind)
    b.operator("GATHER", [table, chosen], [y], "GatherOptions", version=2, axis=0)
    return b.finish([x], [y])


def lookup(rng: np.random.Generator) -> bytes:
    """EMBEDDING_LOOKUP by indices kept within the table."""
    b, count, width = ModelBuilder(), int(rng.integers(1, 60)), some_shape(rng, range(1, 3), 7)
    kind = {"scale": random_scale(rng), "zero_point": random_zero(rng)}
    x, inside = b.tensor((5,), "int32"), b.tensor((5,), "int32")
    b.operator("FLOOR_MOD", [x, b.constant(np.array(count))], [inside], "FloorModOptions")
    table = b.constant(rng.integers(-128, 128, (count, *width)), "int8", **kind)
    y = b.tensor((5, *width), **kind)
    b.operator("EMBEDDING_LOOKUP", [inside, table], [y])
    return b.finish([x], [y])


def gather(rng: np.random.Generator) -> bytes:
    """GATHER along any axis, batched, of any type, by indices of any type that are kept in range."""
    b, shape, index = ModelBuilder(), some_shape(rng, range(1, 5), 5), _pick(rng, ("int16", "int32", "int64"))
    axis = int(rng.integers(0, len(shape)))
    batch = int(rng.integers(0, axis + 1))
    places = (*shape[:batch], *some_shape(rng, range(0, 3), 4))
    dtype = _pick(rng, ("int8", "int16", "int32", "int64", "bool", "float32"))
    x, table = b.tensor(places, "int32"), b.tensor(shape, dtype)
    inside, indices = b.tensor(places, "int32"), b.tensor(places, index)
    b.operator("FLOOR_MOD", [x, b.constant(np.array(shape[axis]))], [inside], "FloorModOptions")
    b.operator("CAST", [inside], [indices], "CastOptions", inDataType=TYPES["int32"], outDataType=TYPES[index])
    y = b.tensor((*shape[:axis], *places[batch:], *shape[axis + 1 :]), dtype)
    b.operator("GATHER", [table, indices], [y], "GatherOptions", version=5, axis=axis - len(shape), batchDims=batch)
    return b.finish([x, table], [y])


def _positions(rng: np.random.Generator, whole: tuple[int, ...], count: tuple[int, ...]) -> np.ndarray:
    return np.stack([rng.integers(0, extent, count) for extent in whole], -1) if whole else np.zeros((*count, 0), int)


def gather_nd(rng: np.random.Generator) -> bytes:
    """GATHER_ND of blocks, by constant positions or by some that vary with the input."""
    b, shape = ModelBuilder(), some_shape(rng, range(1, 5), 5)
    rank, count = int(rng.integers(1, len(shape) + 1)), some_shape(rng, range(0, 3), 4)
    index, dtype = _pick(rng, ("int32", "int64")), _pick(rng, ("int8", "int16", "int32"))
    table, y = b.tensor(shape, dtype), b.tensor((*count, *shape[rank:]), dtype)
    if rng.random() < 0.5:
        places, inputs = b.constant(_positions(rng, shape[:rank], count), index), [table]
    else:
        x, places = b.tensor((*count, rank), index), b.tensor((*count, rank), index)
        b.operator("FLOOR_MOD", [x, b.constant(np.array(shape[:rank]), index)], [places], "FloorModOptions")
        inputs = [table, x]
    b.operator("GATHER_ND", [table, places], [y], "GatherNdOptions", version=3)
    return b.finish(inputs, [y])


def scatter_nd(rng: np.random.Generator) -> bytes:
    """SCATTER_ND of blocks, several of them to one place."""
    b, shape, dtype = ModelBuilder(), some_shape(rng, range(1, 5), 5), _pick(rng, ("int8", "int32", "int64"))
    rank, count = int(rng.integers(1, len(shape) + 1)), some_shape(rng, range(1, 3), 4)
    places = b.constant(_positions(rng, shape[:rank], count))
    x, y = b.tensor((*count, *shape[rank:]), dtype), b.tensor(shape, dtype)
    b.operator("SCATTER_ND", [places, x, b.constant(np.array(shape))], [y], "ScatterNdOptions")
    return b.finish([x], [y])


def one_hot(rng: np.random.Generator) -> bytes:
    """ONE_HOT along any axis; some indices are out of range and give no one."""
    b, shape, depth = ModelBuilder(), some_shape(rng, range(0, 4), 5), int(rng.integers(1, 8))
    axis = int(rng.integers(-1, len(shape) + 1))
    at = len(shape) if axis < 0 else axis
    index, dtype = _pick(rng, ("int32", "int64")), _pick(rng, ("int8", "int32", "bool", "float32"))
    kind = {"scale": 0.1, "zero_point": -3} if dtype == "int8" else {}
    x, inside = b.tensor(shape, index), b.tensor(shape, index)
    b.operator("FLOOR_MOD", [x, b.constant(np.array(depth + 2), index)], [inside], "FloorModOptions")
    on, off = b.constant(np.array(1), dtype, **kind), b.constant(np.array(0), dtype, **kind)
    y = b.tensor((*shape[:at], depth, *shape[at:]), dtype, **kind)
    b.operator("ONE_HOT", [inside, b.constant(np.array(depth)), on, off], [y], "OneHotOptions", axis=axis)
    return b.finish([x], [y])


def update_slice(rng: np.random.Generator) -> bytes:
    """DYNAMIC_UPDATE_SLICE at computed positions, some of them too large or below zero."""
    b, shape = ModelBuilder(), some_shape(rng, range(1, 6), 6)
    dtype = _pick(rng, ("int8", "int32", "int64", "bool", "float32"))
    kind = {"scale": 0.1, "zero_point": -3} if dtype == "int8" else {}
    rank, size = len(shape), tuple(int(rng.integers(1, extent + 1)) for extent in shape)
    given, below, start = (b.tensor((rank,), "int32") for _ in range(3))
    b.operator("FLOOR_MOD", [given, b.constant(np.array(shape) + 3)], [below], "FloorModOptions")
    b.operator("SUB", [below, b.constant(np.array(1))], [start], "SubOptions")
    fixed = rng.random() < 0.2
    x = b.constant(rng.integers(0, 2, shape), dtype, **kind) if fixed else b.tensor(shape, dtype, **kind)
    block, y, last = b.tensor(size, dtype, **kind), b.tensor(shape, dtype, **kind), b.tensor(shape, dtype, **kind)
    b.operator("DYNAMIC_UPDATE_SLICE", [x, block, start], [y], "DynamicUpdateSliceOptions")
    at = b.constant(rng.integers(0, 3, rank))
    b.operator("DYNAMIC_UPDATE_SLICE", [y, block, at], [last], "DynamicUpdateSliceOptions")
    return b.finish([given, block] if fixed else [given, x, block], [last])


def search(rng: np.random.Generator) -> bytes:
    """ARG_MAX or ARG_MIN of int32."""
    b, shape, name = ModelBuilder(), some_shape(rng, range(1, 5), 6), _pick(rng, ("ArgMax", "ArgMin"))
    axis, result = int(rng.integers(-len(shape), len(shape))), _pick(rng, ("int32", "int64"))
    x, few = b.tensor(shape, "int32"), b.tensor(shape, "int32")
    b.operator("FLOOR_MOD", [x, b.constant(np.array(5 if rng.random() < 0.5 else (1 << 31) - 1))], [few], "FloorModOptions")
    y = b.tensor(np.delete(shape, axis).tolist(), result)
    operator = {"ArgMax": "ARG_MAX", "ArgMin": "ARG_MIN"}[name]
    b.operator(operator, [few, b.constant(np.array(axis))], [y], f"{name}Options", outputType=TYPES[result])
    return b.finish([x], [y])


def fill(rng: np.random.Generator) -> bytes:
    """FILL with a value that the model computes."""
    b, shape, dtype = ModelBuilder(), some_shape(rng, range(1, 5), 5), _pick(rng, ("int8", "int32"))
    kind = {"scale": 0.1} if dtype == "int8" else {}
    x, y = b.tensor((), dtype, **kind), b.tensor(shape, dtype, **kind)
    b.operator("FILL", [b.constant(np.array(shape, np.int32)), x], [y], "FillOptions", version=3)
    return b.finish([x], [y])


def cumsum(rng: np.random.Generator) -> bytes:
    """CUMSUM of int32 or int64."""
    return cumsum_of(rng, _pick(rng, ("int32", "int64")))


CASES = {
    "integer_arithmetic": arithmetic,
    "integer_division": division,
    "integer_mask": mask,
    "integer_unary": unary,
    "integer_reduce": reduce,
    "integer_cumsum": cumsum,
    "cast": cast,
    "embedding": embedding,
    "embedding_lookup": lookup,
    "gather_any": gather,
    "gather_nd": gather_nd,
    "scatter_nd": scatter_nd,
    "one_hot": one_hot,
    "fill": fill,
    "integer_search": search,
    "update_slice": update_slice,
}
ENGINES = {"integer_cumsum": "litert-ref", "integer_unary": "litert-ref"}  # tflite-runtime has no CUMSUM, and dies on ABS
