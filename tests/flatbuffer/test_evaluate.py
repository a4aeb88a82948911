"""Operators on known numbers give what the reference runtime gives, for the shapes, masks and signs that models may hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgepack.flatbuffer import read_model
from edgepack.flatbuffer.rules.values import FAILURES, Rule
from edgepack.flatbuffer.traits import TRAITS
from tests.compile.builder import ModelBuilder
from tests.compile.reference import run_reference


def _rule(name: str) -> Rule:
    rule = TRAITS[name].evaluate
    assert rule is not None
    return rule


RNG = np.random.default_rng(8)
GRID = np.arange(24, dtype=np.int32).reshape(4, 6)
CUBE = np.arange(60, dtype=np.int32).reshape(3, 4, 5)
SIGNED = RNG.integers(-40, 40, (3, 4), dtype=np.int32)
DIVISORS = np.where(RNG.random((3, 4)) < 0.5, -1, 1).astype(np.int32) * RNG.integers(1, 9, (3, 4), dtype=np.int32)
REALS = RNG.normal(0, 3, (3, 4)).astype(np.float32)


Case = tuple[str, list[Any], str, dict[str, Any]]
"""Operator, operands, table of options and its fields; `shape` of the output where the reference takes the file's."""


def cut(data: np.ndarray, begin: list[int], end: list[int], strides: list[int], **masks: int) -> Case:
    return "STRIDED_SLICE", [data, begin, end, strides], "StridedSliceOptions", masks


CASES: list[Case] = [
    cut(GRID, [1, 2], [3, 6], [1, 2]),
    cut(GRID, [1, 2], [3, 6], [1, 2], beginMask=1),
    cut(GRID, [1, 2], [3, 5], [1, 2], beginMask=2),
    cut(GRID, [1, 2], [3, 5], [1, 1], endMask=1),
    cut(GRID, [1, 2], [3, 5], [1, 1], endMask=2),
    cut(GRID, [3, 5], [0, 1], [-1, -2]),
    cut(GRID, [3, 5], [0, 1], [-1, -2], beginMask=3, endMask=3),
    cut(GRID, [-2, -4], [-1, -1], [1, 1]),
    cut(GRID, [2, 1], [3, 4], [1, 1], shrinkAxisMask=1),
    cut(GRID, [2, 1], [3, 2], [1, 1], shrinkAxisMask=2),
    cut(GRID, [-1, 0], [0, 9], [1, 1], shrinkAxisMask=1),
    cut(GRID, [0, 1, 0], [0, 3, 4], [1, 1, 1], newAxisMask=1),
    cut(CUBE, [1, 0, 2], [2, 3, 4], [1, 1, 1]),
    cut(CUBE, [1, 0], [2, 3], [1, 1], ellipsisMask=2),
    cut(CUBE, [0, 1], [0, 3], [1, 1], ellipsisMask=1),
    cut(CUBE, [1, 0, 1], [3, 0, 4], [1, 1, 2], ellipsisMask=2),
    ("SLICE", [GRID, [1, 2], [2, -1]], "SliceOptions", {"shape": (2, 4)}),
    ("SLICE", [GRID, [0, 3], [-1, 2]], "SliceOptions", {"shape": (4, 2)}),
    ("SLICE", [GRID, [2, 0], [1, 6]], "SliceOptions", {"shape": (1, 6)}),
    ("PACK", [[1, 2], [3, 4], [5, 6]], "PackOptions", {"axis": 0, "valuesCount": 3}),
    ("PACK", [[1, 2], [3, 4], [5, 6]], "PackOptions", {"axis": 1, "valuesCount": 3}),
    ("CONCATENATION", [GRID, GRID], "ConcatenationOptions", {"axis": 0}),
    ("CONCATENATION", [GRID, GRID], "ConcatenationOptions", {"axis": 1}),
    ("TRANSPOSE", [CUBE, [2, 0, 1]], "TransposeOptions", {}),
    ("GATHER", [GRID, [2, 0]], "GatherOptions", {"axis": 0}),
    ("GATHER", [GRID, [5, 0, 5]], "GatherOptions", {"axis": 1}),
    ("ADD", [SIGNED, DIVISORS], "AddOptions", {}),
    ("SUB", [SIGNED, DIVISORS], "SubOptions", {}),
    ("MUL", [SIGNED, DIVISORS], "MulOptions", {}),
    ("DIV", [SIGNED, DIVISORS], "DivOptions", {}),
    ("DIV", [REALS, REALS[::-1].copy()], "DivOptions", {}),
    ("FLOOR_DIV", [SIGNED, DIVISORS], "FloorDivOptions", {}),
    ("FLOOR_MOD", [SIGNED, DIVISORS], "FloorModOptions", {}),
    ("MAXIMUM", [SIGNED, DIVISORS], "MaximumMinimumOptions", {}),
    ("MINIMUM", [SIGNED, DIVISORS], "MaximumMinimumOptions", {}),
    ("REDUCE_PROD", [DIVISORS, [0]], "ReducerOptions", {"keepDims": True}),
    ("REDUCE_PROD", [DIVISORS, [1]], "ReducerOptions", {"keepDims": False}),
    ("REVERSE_V2", [CUBE, [1]], "ReverseV2Options", {}),
    ("TILE", [GRID, [2, 3]], "TileOptions", {}),
    ("BROADCAST_TO", [GRID, [2, 4, 6]], "BroadcastToOptions", {}),
    ("ZEROS_LIKE", [GRID], "ZerosLikeOptions", {}),
    ("FILL", [[2, 3], 7], "FillOptions", {}),
    ("RANGE", [2, 11, 3], "RangeOptions", {}),
    ("RANGE", [11, 2, -4], "RangeOptions", {}),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case[0]}-{number}" for number, case in enumerate(CASES)])
def test_a_rule_gives_what_the_reference_gives(case: Case) -> None:
    name, given, table, options = case
    fields = dict(options)
    shape = fields.pop("shape", (1,))
    operands = [item if isinstance(item, np.ndarray) else np.array(item, np.int32) for item in given]
    b = ModelBuilder()
    dtype = str(operands[0].dtype)
    inputs = [b.constant(operand, str(operand.dtype)) for operand in operands]
    output = b.tensor(shape, dtype)
    b.operator(name, inputs, [output], table, version=1 if name in ("RANGE", "ZEROS_LIKE") else 2, **fields)
    model = b.finish([], [output])
    ((expected,),) = run_reference(model, [()])
    found = np.asarray(_rule(name)(operands, read_model(model).subgraphs[0].operators[0].options)).astype(dtype)
    assert found.shape == expected.shape and np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("name", "operands"),
    [
        ("FILL", [[1 << 12, 1 << 13], 0]),
        ("FILL", [[-1], 0]),
        ("BROADCAST_TO", [[1], [1 << 25]]),
        ("TILE", [[1, 2], [1 << 24]]),
        ("RANGE", [0, (1 << 20) + 1, 1]),
        ("RANGE", [0, -(1 << 20) - 1, -1]),
        ("RANGE", [0, 5, 0]),
        ("SLICE", [[1, 2], [0], [1, 1]]),
        ("GATHER", [[1, 2], [2]]),
    ],
)
def test_what_would_be_huge_or_is_malformed_is_left_alone(name: str, operands: list[Any]) -> None:
    with np.errstate(divide="ignore"), pytest.raises(FAILURES):
        _rule(name)([np.array(operand, np.int32) for operand in operands], {})


def test_the_largest_constants_that_are_evaluated() -> None:
    assert _rule("FILL")([np.array([1 << 12, 1 << 12]), np.array(0, np.int8)], {}).size == 1 << 24
    assert _rule("RANGE")([np.array(n, np.int32) for n in (0, 1 << 20, 1)], {}).size == 1 << 20
