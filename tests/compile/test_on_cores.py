"""Random networks give the reference's bits on emulated cores too, with that core's kernels and instructions."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.devices.mcu import bench_mcu
from edgepack.flatbuffer import read_model
from tests.compile.harness import inputs_for
from tests.compile.networks import random_network
from tests.compile.reference import run_reference

TOOLS = all(importlib.util.find_spec(name) for name in ("ziglang", "unicorn"))


@pytest.mark.slow
@pytest.mark.skipif(not TOOLS, reason="ziglang and unicorn are not installed")
@pytest.mark.parametrize("cpu", ["cortex-m0plus", "cortex-m4", "cortex-m33"])
@pytest.mark.parametrize("seed", [50_000, 50_001, 50_002])
def test_a_core_gives_the_reference_outputs(cpu: str, seed: int) -> None:
    model = random_network(seed)
    sets = inputs_for(read_model(model), 3, seed)
    expected = run_reference(model, sets)
    inputs = [np.concatenate([single[i] for single in sets]) for i in range(len(sets[0]))]
    outputs = [np.concatenate([single[i] for single in expected]) for i in range(len(expected[0]))]
    code = compile_model(read_model(model), "net", cpu)
    result = bench_mcu(code.files, "net", cpu, inputs, outputs)
    assert (result.parity.compared, result.parity.differing) == (3, 0)
