"""Exports for TensorFlow Lite Micro, against the real interpreter and a real compiler."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgepack.flatbuffer import read_model
from edgepack.ground.errors import ModelError
from edgepack.pack.deliveries.tflm.fit import scratch_margin
from edgepack.pack.deliveries.tflm.sources import export_tflm
from edgepack.runners.tflm import run_tflm
from tests.compile.builder import ModelBuilder

STANDIN = Path(__file__).parents[1] / "standins" / "tflm"


@pytest.fixture()
def dense(tmp_path: Path) -> Path:
    generator = np.random.default_rng(1)
    builder = ModelBuilder()
    x = builder.tensor((1, 16), scale=0.05)
    w = builder.tensor((5, 16), scale=0.02, data=generator.integers(-127, 128, (5, 16)).astype(np.int8))
    b = builder.tensor((5,), "int32", scale=0.05 * 0.02, data=generator.integers(-500, 500, 5).astype(np.int32))
    h = builder.tensor((1, 5), scale=0.05, zero_point=-4)
    y = builder.tensor((1, 5), scale=1 / 256, zero_point=-128)
    builder.operator("FULLY_CONNECTED", [x, w, b], [h], "FullyConnectedOptions")
    builder.operator("SOFTMAX", [h], [y], "SoftmaxOptions", beta=1.0)
    file = tmp_path / "dense.tflite"
    file.write_bytes(builder.finish([x], [y]))
    return file


def test_the_arena_written_is_enough_and_not_wasteful_in_the_real_interpreter(dense: Path, tmp_path: Path) -> None:
    export_tflm(dense, "dense", tmp_path / "out")
    size = int(re.search(r"DENSE_ARENA_SIZE (\d+)", (tmp_path / "out" / "dense_tflm.h").read_text())[1])
    code = (
        "import sys; from tflite_micro.python.tflite_micro import runtime; "
        "runtime.Interpreter.from_bytes(open(sys.argv[1], 'rb').read(), arena_size=int(sys.argv[2]))"
    )
    allocate = [sys.executable, "-c", code, str(dense)]
    assert subprocess.run([*allocate, str(size + 512)], capture_output=True).returncode == 0
    assert subprocess.run([*allocate, str(size // 2)], capture_output=True).returncode != 0


def test_the_reference_models_arena_covers_what_a_core_with_cmsis_nn_needs(shared_models: Path) -> None:
    # Measured on a Cortex-M4 with CMSIS-NN: 22,820 and 54,996 bytes.
    for name, shape, needed in (("kws_ref_model", (1, 49, 10, 1), 22_820), ("pretrainedResnet_quant", (1, 32, 32, 3), 54_996)):
        file = shared_models / f"{name}.tflite"
        run = run_tflm(file, (np.zeros(shape, np.int8),), 1)
        total = run.arena + scratch_margin(read_model(file))
        assert needed <= total <= 1.15 * needed


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_the_example_compiles_and_registers_every_operator(dense: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    files = export_tflm(dense, "dense", folder)
    assert {file.name for file in files} == {path.name for path in folder.iterdir()}
    strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    for source in ("dense.c", "dense_golden.c"):
        subprocess.run(["gcc", "-std=c99", *strict, "-c", source, "-o", f"{source}.o"], cwd=folder, check=True)
    command = ["g++", "-std=c++17", *strict, "-I", str(STANDIN), "-I.", "main.cc", "dense.c.o", "dense_golden.c.o", "-o", "main"]
    subprocess.run(command, cwd=folder, check=True)
    done = subprocess.run(["./main"], cwd=folder, capture_output=True, text=True)
    assert re.fullmatch(r"\d of 4 golden vectors differ, arena used \d+ of \d+ bytes\n", done.stdout)


def test_an_operator_that_tflite_micro_lacks_is_named(tmp_path: Path) -> None:
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "float32")
    y = builder.tensor((1, 4), "float32")
    builder.operator("GELU", [x], [y], "GeluOptions")
    file = tmp_path / "gelu.tflite"
    file.write_bytes(builder.finish([x], [y]))
    with pytest.raises(ModelError, match="GELU") as caught:
        export_tflm(file, "gelu", tmp_path / "out")
    assert caught.value.code == "EP-254"
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_model_is_refused_and_nothing_dies(tmp_path: Path) -> None:
    file = tmp_path / "no.tflite"
    file.write_bytes(b"TFL3" * 40)
    with pytest.raises(ModelError) as caught:
        run_tflm(file, (np.zeros((1, 4), np.int8),), 1)
    assert caught.value.code == "EP-283"
