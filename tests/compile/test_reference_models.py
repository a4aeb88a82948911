"""The MLPerf Tiny reference models, on real data and on the published input pattern, equal the reference byte for byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from tests.compile.harness import compare
from tests.compile.host import build
from tests.compile.reference import run_reference

MODELS = ("kws_ref_model", "pretrainedResnet_quant")
CPUS = ("generic", "cortex-m4")
# outputs for input byte i = (i * 37 + 11) % 256 - 128, the same on every board and kernel set of TFLite Micro
PATTERN = {
    "kws_ref_model": [-128] * 11 + [127],
    "pretrainedResnet_quant": [-128, -128, -51, -128, -128, -128, -101, -128, 24, -128],
}


def real_inputs(folder: Path, model: str, count: int) -> np.ndarray:
    if model == "kws_ref_model":
        return np.load(folder / "kws01.npz")["x"][:count, None]
    return (np.load(folder / "cifar10_test.npz")["x"][:count, None].astype(np.int16) - 128).astype(np.int8)


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("name", MODELS)
def test_the_published_pattern_gives_the_published_outputs(shared_models: Path, name: str, cpu: str) -> None:
    code = compile_model(read_model(shared_models / f"{name}.tflite"), name, cpu)
    host = build([code])[0]
    shape = code.graph.values[code.graph.inputs[0]].shape
    pattern = ((np.arange(np.prod(shape)) * 37 + 11) % 256 - 128).astype(np.int8).reshape(shape)
    assert host.run([pattern])[0].reshape(-1).tolist() == PATTERN[name]


@pytest.mark.parametrize("name", MODELS)
def test_real_inputs_give_the_reference_outputs(shared_models: Path, shared_data: Path, name: str) -> None:
    file = shared_models / f"{name}.tflite"
    sets = [(x,) for x in real_inputs(shared_data, name, 50)]
    expected = run_reference(file.read_bytes(), sets)
    for cpu in CPUS:
        host = build([compile_model(read_model(file), name, cpu)], ["-O2"])[0]
        wrong = [compare(host.run(inputs), outputs) for inputs, outputs in zip(sets, expected, strict=True)]
        assert not any(wrong), [line for line in wrong if line]


def test_the_arena_is_smaller_than_a_layers_input_and_output(shared_models: Path) -> None:
    for name, limit in (("kws_ref_model", 10_300), ("pretrainedResnet_quant", 35_700)):
        code = compile_model(read_model(shared_models / f"{name}.tflite"), name, "cortex-m4")
        assert code.arena_lower_bound <= code.arena_size <= limit
