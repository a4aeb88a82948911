"""Which runtime defines a model's bits: tflite-runtime, and TensorFlow Lite Micro where that is wrong or has no kernel."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgepack.flatbuffer import read_model
from edgepack.pack import write_pack
from edgepack.pack.golden.reference import reference_engines
from tests.compile.builder import ModelBuilder

pytestmark = pytest.mark.skipif(importlib.util.find_spec("tflite_micro") is None, reason="tflite-micro is not installed")


def total() -> bytes:
    b = ModelBuilder()
    x, y = b.tensor((1, 3, 4), scale=0.5), b.tensor((1, 4), scale=1.0)
    b.operator("SUM", [x, b.constant(np.array([1]))], [y], "ReducerOptions", version=2)
    return b.finish([x], [y])


def rows(per_unit: bool, dims: int) -> bytes:
    b = ModelBuilder()
    shape = (1, 2, 3)[3 - dims :]
    x, y = b.tensor(shape, scale=0.5), b.tensor((*shape[:-1], 2), scale=1.0)
    w = b.constant(np.array([[1, 2, 3], [4, 5, 6]]), "int8", scale=[0.5, 0.25] if per_unit else 0.5)
    b.operator("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions", version=5, keepNumDims=True)
    return b.finish([x], [y])


def product(swap: bool, repeated: bool) -> bytes:
    b = ModelBuilder()
    x = b.tensor((2, 3, 3), scale=0.5)
    z = b.constant(np.arange(9 if repeated else 18).reshape(1 if repeated else 2, 3, 3), "int8", scale=0.5)
    y = b.tensor((2, 3, 3), scale=4.0)
    b.operator("BATCH_MATMUL", [x, z], [y], "BatchMatMulOptions", version=3, adjX=swap)
    return b.finish([x], [y])


def wide() -> bytes:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "int16", scale=0.001), b.tensor((1, 4), "int16", scale=1 / 32768)
    b.operator("LOGISTIC", [x], [y])
    return b.finish([x], [y])


def spread(margin: int) -> bytes:
    b, kind = ModelBuilder(), {"scale": 0.5, "zero_point": 3}
    x, y = b.tensor((1, 4, 1), **kind), b.tensor((2, 2 + margin, 1), **kind)
    b.operator("SPACE_TO_BATCH_ND", [x, b.constant(np.array([2])), b.constant(np.array([[margin, margin]]))], [y], version=3)
    return b.finish([x], [y])


@pytest.mark.parametrize(
    ("make", "engine"),
    [
        (lambda: rows(per_unit=False, dims=3), "tflite-ref"),
        (lambda: rows(per_unit=True, dims=2), "tflite-ref"),
        (lambda: rows(per_unit=True, dims=3), "tflite-micro"),
        (lambda: product(swap=True, repeated=False), "tflite-ref"),
        (lambda: product(swap=True, repeated=True), "tflite-micro"),
        (total, "tflite-micro"),
        (wide, "tflite-micro"),
    ],
)
def test_the_engine_that_computes_the_operator_rightly(make: Callable[[], bytes], engine: str) -> None:
    assert reference_engines(read_model(make()))[0] == engine


@pytest.mark.parametrize(("margin", "second"), [(0, "tflite-micro"), (2, "litert-ref")])
def test_micro_comes_last_where_it_pads_with_an_arbitrary_number(margin: int, second: str) -> None:
    assert reference_engines(read_model(spread(margin)))[:2] == ("tflite-ref", second)


def test_an_engine_that_fails_only_when_it_runs_the_model_is_passed_over(tmp_path: Path) -> None:
    """tflite-runtime prepares a DIV of int8 and then refuses to compute it."""
    b, file = ModelBuilder(), tmp_path / "quotient.tflite"
    x, y = b.tensor((1, 4), scale=0.5, zero_point=-128), b.tensor((1, 4), scale=0.5, zero_point=-128)
    b.operator("DIV", [x, b.constant(np.full((1, 4), 4), "int8", scale=0.5)], [y], "DivOptions", version=2)
    file.write_bytes(b.finish([x], [y]))
    golden = write_pack(tmp_path / "pack", "quotient", file).golden
    halves = (golden.values(golden.inputs[0]).astype(float) + 128) / 2
    assert golden.engine == "tflite-micro"
    assert np.abs(golden.values(golden.outputs[0]) + 128 - halves).max() <= 0.51


def test_a_sum_of_the_golden_vectors_is_the_sum(tmp_path: Path) -> None:
    file = tmp_path / "total.tflite"
    file.write_bytes(total())
    golden = write_pack(tmp_path / "pack", "total", file).golden
    assert (golden.engine, golden.count) == ("tflite-micro", 8)
    sums = golden.values(golden.inputs[0]).astype(float).sum(axis=2) * 0.5
    assert np.abs(golden.values(golden.outputs[0]) - sums.clip(-128, 127)).max() <= 0.5


def test_rows_of_units_with_scales_of_their_own_are_all_computed(tmp_path: Path) -> None:
    file = tmp_path / "rows.tflite"
    file.write_bytes(rows(per_unit=True, dims=3))
    golden = write_pack(tmp_path / "pack", "rows", file).golden
    weights = np.array([[0.5, 1.0, 1.5], [1.0, 1.25, 1.5]]) * 0.5
    real = golden.values(golden.inputs[0])[:, 0].astype(float) @ weights.T
    assert np.abs(golden.values(golden.outputs[0])[:, 0] - real.clip(-128, 127)).max() <= 0.5
