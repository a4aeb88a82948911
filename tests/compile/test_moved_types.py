"""Operators that only move elements move those of every type that a reference moves, over every axis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.compile.builder import ModelBuilder
from tests.compile.harness import Case, assert_exact

SHAPE = (2, 3, 4)
TYPES = ("int8", "uint8", "bool", "int16", "int32", "int64", "float32")

Maker = Callable[[ModelBuilder, int, Callable[..., int]], list[int]]


def _tile(b: ModelBuilder, x: int, tensor: Callable[..., int]) -> list[int]:
    results = []
    for times in ((1, 1, 3), (1, 2, 1), (3, 1, 1), (2, 3, 2)):
        results.append(tensor(tuple(n * k for n, k in zip(SHAPE, times, strict=True))))
        b.operator("TILE", [x, b.constant(np.array(times))], [results[-1]], "TileOptions", version=2)
    return results


def _transpose(b: ModelBuilder, x: int, tensor: Callable[..., int]) -> list[int]:
    y = tensor((4, 2, 3))
    b.operator("TRANSPOSE", [x, b.constant(np.array([2, 0, 1]))], [y], "TransposeOptions", version=3)
    return [y]


def _slice(b: ModelBuilder, x: int, tensor: Callable[..., int]) -> list[int]:
    y = tensor((2, 2, 3))
    b.operator("SLICE", [x, b.constant(np.array([0, 1, 1])), b.constant(np.array([2, 2, 3]))], [y], "SliceOptions", version=4)
    return [y]


def _strided_slice(b: ModelBuilder, x: int, tensor: Callable[..., int]) -> list[int]:
    y = tensor((2, 2, 2))
    positions = [b.constant(np.array(each)) for each in ([0, 0, 3], [2, 3, 0], [1, 2, -2])]
    b.operator("STRIDED_SLICE", [x, *positions], [y], "StridedSliceOptions", version=4)
    return [y]


def _gather(b: ModelBuilder, x: int, tensor: Callable[..., int]) -> list[int]:
    y = tensor((2, 2, 4))
    b.operator("GATHER", [x, b.constant(np.array([2, 0]))], [y], "GatherOptions", version=4, axis=1)
    return [y]


def _reverse(b: ModelBuilder, x: int, tensor: Callable[..., int]) -> list[int]:
    y = tensor(SHAPE)
    b.operator("REVERSE_V2", [x, b.constant(np.array([1]))], [y], "ReverseV2Options", version=2)
    return [y]


def _broadcast_to(b: ModelBuilder, x: int, tensor: Callable[..., int]) -> list[int]:
    y = tensor((5, *SHAPE))
    b.operator("BROADCAST_TO", [x, b.constant(np.array([5, *SHAPE]))], [y], "BroadcastToOptions", version=3)
    return [y]


def _unpack(b: ModelBuilder, x: int, tensor: Callable[..., int]) -> list[int]:
    parts = [tensor((2, 4)) for _ in range(3)]
    b.operator("UNPACK", [x], parts, "UnpackOptions", version=3, num=3, axis=1)
    y = tensor((2, 4, 3))
    b.operator("PACK", parts, [y], "PackOptions", version=3, valuesCount=3, axis=2)
    return [y]


def _split(b: ModelBuilder, x: int, tensor: Callable[..., int]) -> list[int]:
    parts = [tensor((2, 3, 2)) for _ in range(2)]
    b.operator("SPLIT", [b.constant(np.array(2)), x], parts, "SplitOptions", version=4, numSplits=2)
    return parts


OPERATORS: dict[str, Maker] = {
    "TILE": _tile,
    "TRANSPOSE": _transpose,
    "SLICE": _slice,
    "STRIDED_SLICE": _strided_slice,
    "GATHER": _gather,
    "REVERSE_V2": _reverse,
    "BROADCAST_TO": _broadcast_to,
    "UNPACK": _unpack,
    "SPLIT": _split,
}
LITERT = {("TILE", "int16")}
"""What LiteRT alone has a kernel for."""
NONE = {(name, dtype) for name in ("UNPACK", "SPLIT") for dtype in ("bool", "int64")}


@pytest.mark.parametrize(("name", "dtype"), [(name, dtype) for name in OPERATORS for dtype in TYPES if (name, dtype) not in NONE])
def test_moves_elements_of_a_type(name: str, dtype: str) -> None:
    b = ModelBuilder()
    kind = {"scale": 0.5} if dtype in ("int8", "uint8", "int16") else {}

    def tensor(shape: tuple[int, ...]) -> int:
        return b.tensor(shape, dtype, **kind)

    x = tensor(SHAPE)
    outputs = OPERATORS[name](b, x, tensor)
    engine = "litert-ref" if (name, dtype) in LITERT else "tflite-ref"
    assert_exact([Case(f"{name} {dtype}", b.finish([x], outputs), engine)])
