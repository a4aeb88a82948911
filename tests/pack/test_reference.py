"""Which runtime defines a model's bits: tflite-runtime, and TensorFlow Lite Micro where that is wrong or has no kernel."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgepack.flatbuffer import read_model
from edgepack.ground.errors import ModelError
from edgepack.pack import write_pack
from edgepack.pack.golden.reference import PACKAGES, REGISTERED, reference_engines
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


def tiled(dtype: str, times: tuple[int, ...]) -> bytes:
    """TILE as the converter writes it for quantized types: in version 3, which no reference resolver registers."""
    b = ModelBuilder()
    shape = (1, 3, 2, 2)
    x = b.tensor(shape, dtype, scale=0.5)
    y = b.tensor(tuple(n * k for n, k in zip(shape, times, strict=True)), dtype, scale=0.5)
    b.operator("TILE", [x, b.constant(np.array(times))], [y], "TileOptions", version=3)
    return b.finish([x], [y])


@pytest.mark.parametrize(
    ("dtype", "times", "engine"),
    [
        ("int8", (1, 1, 1, 2), "tflite-ref"),
        ("int8", (1, 1, 3, 1), "tflite-ref"),
        ("int8", (2, 2, 1, 3), "tflite-ref"),
        ("int16", (1, 2, 1, 3), "litert-ref"),
    ],
)
def test_a_kernel_that_can_do_more_than_it_is_registered_for(
    tmp_path: Path, dtype: str, times: tuple[int, ...], engine: str
) -> None:
    file = tmp_path / "tiled.tflite"
    file.write_bytes(tiled(dtype, times))
    pack = write_pack(tmp_path / "pack", "tiled", file)
    golden = pack.golden
    assert golden.engine == engine and pack.manifest["golden"]["engine"] == engine
    assert pack.model.read_bytes() == file.read_bytes()  # what ships keeps its versions
    given = golden.values(golden.inputs[0])
    assert np.array_equal(golden.values(golden.outputs[0]), np.tile(given, (1, *times)))


def bias_of_dimension_3() -> bytes:
    b = ModelBuilder()
    x, y = b.tensor((1, 1, 1, 2), scale=0.5), b.tensor((1, 1, 1, 3), scale=1.0)
    w = b.constant(np.arange(6).reshape(3, 1, 1, 2), "int8", scale=[0.5, 0.25, 0.5])
    bias = b.constant(np.array([8, -40, 0]), "int32", scale=[0.25, 0.125, 0.25], axis=3)
    b.operator("CONV_2D", [x, w, bias], [y], "Conv2DOptions", version=3, padding="VALID", strideH=1, strideW=1)
    return b.finish([x], [y])


def test_the_engine_that_runs_a_file_that_tflite_refuses_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bias.tflite"
    file.write_bytes(bias_of_dimension_3())
    pack = write_pack(tmp_path / "pack", "bias", file)
    assert pack.golden.engine == pack.manifest["golden"]["engine"] == "tflite-micro"
    assert "tflite-micro" in (pack.folder / "MODEL_CARD.md").read_text()
    given = pack.golden.values(pack.golden.inputs[0]).reshape(-1, 2) * 0.5
    real = given @ (np.arange(6).reshape(3, 2) * [[0.5], [0.25], [0.5]]).T + [2.0, -5.0, 0.0]
    assert np.abs(pack.golden.values(pack.golden.outputs[0]).reshape(-1, 3) - real.clip(-128, 127)).max() < 0.75


def test_of_a_model_that_none_runs_each_engine_says_why(tmp_path: Path) -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), scale=0.5), b.tensor((1, 4), scale=0.5)
    b.operator("LOG", [x], [y], version=9)
    file = tmp_path / "none.tflite"
    file.write_bytes(b.finish([x], [y]))
    with pytest.raises(ModelError) as caught:
        write_pack(tmp_path / "pack", "none", file)
    assert caught.value.code == "EP-280"
    for said in ("model.tflite", "tflite-ref refuses", "TFLite Micro refuses", "litert-ref refuses", "'LOG' version '9'"):
        assert said in str(caught.value)


_ASK = """
import importlib, json, sys
from tests.compile.builder import ModelBuilder
module = importlib.import_module(sys.argv[1] + ".interpreter")
found = {}
for name in json.loads(sys.argv[2]):
    known = []
    for kind in ("BUILTIN_REF", "BUILTIN_WITHOUT_DEFAULT_DELEGATES"):
        most = 0
        for version in range(1, 12):
            b = ModelBuilder()
            x, y = b.tensor((1, 4), scale=0.1), b.tensor((1, 4), scale=0.1)
            b.operator(name, [x], [y], version=version)
            try:
                resolver = getattr(module.OpResolverType, kind)
                module.Interpreter(model_content=b.finish([x], [y]), experimental_op_resolver_type=resolver)
            except ValueError as error:
                if "Didn't find op" in str(error):
                    continue
            most = version
        known.append(most)
    found[name] = known
print(json.dumps(found))
"""


@pytest.mark.parametrize("engine", sorted(REGISTERED))
def test_the_versions_are_those_that_the_package_registers(engine: str) -> None:
    package = PACKAGES[engine].replace("-", "_")
    words = [sys.executable, "-c", _ASK, package, json.dumps(sorted(REGISTERED[engine]))]
    done = subprocess.run(words, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=True)
    assert {name: tuple(known) for name, known in json.loads(done.stdout).items()} == REGISTERED[engine]
