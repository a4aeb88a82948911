"""What the reference refuses to run is defined in the generated code: positions out of range, and division by zero."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import CompileError
from tests.compile.builder import ModelBuilder
from tests.compile.host import build

EDGES = np.array([-(1 << 31), -1, 0, 3, 4, (1 << 31) - 1], np.int32)


def run(model: bytes, *inputs: np.ndarray) -> np.ndarray:
    return build([compile_model(read_model(model), "m")])[0].run(inputs)[0]


def test_gather_takes_the_nearest() -> None:
    b, data = ModelBuilder(), np.arange(8, dtype=np.int8).reshape(4, 2)
    x, table, y = b.tensor((6,), "int32"), b.constant(data, "int8", scale=0.1), b.tensor((6, 2), scale=0.1)
    b.operator("GATHER", [table, x], [y], "GatherOptions", axis=0)
    assert run(b.finish([x], [y]), EDGES).tolist() == data[[0, 0, 0, 3, 3, 3]].tolist()


def test_embedding_lookup_takes_the_nearest() -> None:
    b, data = ModelBuilder(), np.arange(8, dtype=np.int8).reshape(4, 2)
    x, table, y = b.tensor((6,), "int32"), b.constant(data, "int8", scale=0.1), b.tensor((6, 2), scale=0.1)
    b.operator("EMBEDDING_LOOKUP", [x, table], [y])
    assert run(b.finish([x], [y]), EDGES).tolist() == data[[0, 0, 0, 3, 3, 3]].tolist()


@pytest.mark.parametrize("name", ["EMBEDDING_LOOKUP", "GATHER"])
def test_a_table_of_one_number_is_refused(name: str) -> None:
    b = ModelBuilder()
    x, table, y = b.tensor((6,), "int32"), b.constant(np.array(3, np.int8), "int8", scale=0.1), b.tensor((6,), scale=0.1)
    if name == "GATHER":
        b.operator(name, [table, x], [y], "GatherOptions", axis=0)
    else:
        b.operator(name, [x, table], [y])
    with pytest.raises(CompileError):
        compile_model(read_model(b.finish([x], [y])), "m")


def test_gather_nd_takes_the_nearest() -> None:
    b, data = ModelBuilder(), np.arange(8, dtype=np.int8).reshape(4, 2)
    x, table, y = b.tensor((6, 1), "int32"), b.constant(data, "int8", scale=0.1), b.tensor((6, 2), scale=0.1)
    b.operator("GATHER_ND", [table, x], [y], "GatherNdOptions")
    assert run(b.finish([x], [y]), EDGES.reshape(6, 1)).tolist() == data[[0, 0, 0, 3, 3, 3]].tolist()


def test_scatter_nd_leaves_it_out() -> None:
    b = ModelBuilder()
    where, x, y = b.tensor((6, 1), "int32"), b.tensor((6,), "int32"), b.tensor((4,), "int32")
    b.operator("SCATTER_ND", [where, x, b.constant(np.array([4]))], [y], "ScatterNdOptions")
    assert run(b.finish([where, x], [y]), EDGES.reshape(6, 1), np.arange(1, 7, dtype=np.int32)).tolist() == [3, 0, 0, 4]


def test_one_hot_is_off_everywhere() -> None:
    b = ModelBuilder()
    x, y = b.tensor((6,), "int32"), b.tensor((6, 4), "int32")
    b.operator(
        "ONE_HOT", [x, b.constant(np.array(4)), b.constant(np.array(1)), b.constant(np.array(0))], [y], "OneHotOptions", axis=-1
    )
    assert run(b.finish([x], [y]), EDGES).sum(axis=1).tolist() == [0, 0, 1, 1, 0, 0]


def test_division_by_zero_gives_zero() -> None:
    for name in ("Div", "FloorDiv", "FloorMod"):
        b = ModelBuilder()
        x, divisors, y = (b.tensor((6,), "int32") for _ in range(3))
        operator = {"Div": "DIV", "FloorDiv": "FLOOR_DIV", "FloorMod": "FLOOR_MOD"}[name]
        b.operator(operator, [x, divisors], [y], f"{name}Options")
        found = run(b.finish([x, divisors], [y]), EDGES, np.array([0, 0, 0, 0, -1, -1], np.int32))
        assert found[:4].tolist() == [0, 0, 0, 0] and found[4:].tolist() == (
            [0, 0] if name == "FloorMod" else [-4, -(1 << 31) + 1]
        )


def test_the_smallest_integer_has_no_negative() -> None:
    b = ModelBuilder()
    x, y, z = (b.tensor((1,), "int32") for _ in range(3))
    b.operator("NEG", [x], [y], "NegOptions")
    b.operator("DIV", [y, b.constant(np.array(-1))], [z], "DivOptions")
    assert run(b.finish([x], [z]), EDGES[:1]).tolist() == [-(1 << 31)]


def test_floats_out_of_range_become_the_smallest_integer() -> None:
    b = ModelBuilder()
    x, y = b.tensor((4,), "float32"), b.tensor((4,), "int32")
    b.operator("CAST", [x], [y], "CastOptions", inDataType=0, outDataType=2)
    values = np.array([3e9, -3e9, np.inf, np.nan], np.float32)
    assert run(b.finish([x], [y]), values).tolist() == [-(1 << 31)] * 4


def test_square_roots_and_logarithms_of_negative_elements() -> None:
    """The square root counts them as zero, the logarithm gives the smallest output."""
    for name, expected in (("SQRT", 7), ("LOG", -128)):
        b = ModelBuilder()
        x, y = b.tensor((2,), scale=0.1, zero_point=5), b.tensor((2,), scale=0.1, zero_point=7)
        b.operator(name, [x], [y], version=2)
        assert run(b.finish([x], [y]), np.array([-128, 4], np.int8)).tolist() == [expected, expected]
