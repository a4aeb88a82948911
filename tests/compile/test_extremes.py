"""Inputs at the ends of what their type holds: no undefined arithmetic in the generated C, and what it gives instead."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from tests.compile.builder import ModelBuilder
from tests.compile.reference import run_reference
from tests.compile.sanitized import FLAGS, program

FLOAT_FLAGS = [*FLAGS, "-fsanitize=float-cast-overflow"]


def sanitized(tmp_path: Path, model: bytes, inputs: np.ndarray) -> np.ndarray:
    """The output of the C of a model with one input and one output, under the sanitizers."""
    code = compile_model(read_model(model), "m")
    for name, text in code.files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "main.c").write_text("#define _POSIX_C_SOURCE 200112L\n" + program([code]))
    subprocess.run(["gcc", *FLOAT_FLAGS, str(tmp_path / "main.c"), "-o", str(tmp_path / "main")], check=True)
    done = subprocess.run([tmp_path / "main"], input=inputs.tobytes(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[:2000]
    output = code.graph.values[code.graph.outputs[0]]
    return np.frombuffer(done.stdout, output.dtype).reshape(output.shape)


@pytest.mark.parametrize(
    ("dtype", "zero"), [("int8", -128), ("int8", 0), ("int8", 5), ("uint8", 0), ("uint8", 128), ("int16", 0)]
)
def test_a_float_that_is_no_number_becomes_the_zero_point_and_others_saturate(tmp_path: Path, dtype: str, zero: int) -> None:
    b = ModelBuilder()
    given = np.array([[np.nan, -np.nan, np.inf, -np.inf, 1e30, -1e30, 3e38, 1e9, -1e9, 0.25, -0.25, 1e-40]], np.float32)
    x, y = b.tensor(given.shape, "float32"), b.tensor(given.shape, dtype, scale=0.5, zero_point=zero)
    b.operator("QUANTIZE", [x], [y], "QuantizeOptions")
    model = b.finish([x], [y])
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    found = sanitized(tmp_path, model, given)
    assert found[0, :7].tolist() == [zero, zero, high, low, high, low, high]
    # The reference converts what fits 32 bits; beyond, its result is the machine's.
    assert np.array_equal(found[:, 7:], run_reference(model, [(given,)])[0][0][:, 7:])


@pytest.mark.parametrize(("source", "target"), [("int32", "int8"), ("int32", "int16"), ("int8", "int32"), ("int16", "int32")])
def test_integers_at_the_ends_of_32_bits_wrap_as_the_references_do(tmp_path: Path, source: str, target: str) -> None:
    b = ModelBuilder()
    info = np.iinfo(source)
    given = np.array([[info.min, info.min + 1, -1, 0, 1, info.max - 1, info.max]], source)
    zeros = {"int8": 100, "int16": 0, "int32": 2**31 - 5}
    x = b.tensor(given.shape, source, scale=0.5, zero_point=zeros[source] if "int16" not in (source, target) else 0)
    y = b.tensor(
        given.shape, target, scale=1.0 if source == "int32" else 1e-3, zero_point=zeros[target] if source != "int16" else 0
    )
    b.operator("QUANTIZE", [x], [y], "QuantizeOptions", version=3)
    model = b.finish([x], [y])
    assert np.array_equal(sanitized(tmp_path, model, given), run_reference(model, [(given,)], "tflite-micro")[0][0])


def test_a_mean_of_so_many_elements_that_32_bits_overflow_wraps(tmp_path: Path) -> None:
    b = ModelBuilder()
    shape = (1, 300, 300, 1)
    x, y = b.tensor(shape, "int16", scale=0.5), b.tensor((1, 1), "int16", scale=0.5)
    b.operator("MEAN", [x, b.constant(np.array([1, 2]))], [y], "ReducerOptions", version=3)
    model = b.finish([x], [y])
    given = np.full(shape, 32767, np.int16)
    assert np.array_equal(sanitized(tmp_path, model, given), run_reference(model, [(given,)], "tflite-micro")[0][0])
