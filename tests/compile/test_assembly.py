"""The kernels in assembly give the reference's bits on emulated cores."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.devices.mcu import bench_mcu
from edgepack.flatbuffer import read_model
from tests.compile.cases_assembly import CASES
from tests.compile.harness import Case, inputs_for, mismatches
from tests.compile.reference import run_reference

TOOLS = all(importlib.util.find_spec(name) for name in ("ziglang", "unicorn"))

# Kernels that a model of a case must have on a core, so that the test tests them.
KERNELS = {
    ("assembly_add", "cortex-m4"): {"ep_add_products"},
    ("assembly_conv_2d", "cortex-m4"): {"ep_conv_2d_gemm"},
    ("assembly_depthwise", "cortex-m4"): {"ep_depthwise_3x3", "ep_depthwise_3x3_exact", "ep_depthwise_3x3_stride2"},
    ("assembly_fully_connected", "cortex-m4"): {"ep_fully_connected_gemm"},
    ("assembly_add", "cortex-m0plus"): {"ep_add_scaled"},
    ("assembly_conv_2d", "cortex-m0plus"): {"ep_conv_2d_lanes"},
    ("assembly_depthwise", "cortex-m0plus"): {"ep_depthwise_lanes"},
}


def check(name: str, seed: int, cpu: str, toolchain: str = "zig") -> None:
    """24 layers side by side on an emulated core, three inputs."""
    model = CASES[name](np.random.default_rng(seed), count=24)
    sets = inputs_for(read_model(model), 3, seed)
    expected = run_reference(model, sets)
    inputs = [np.stack([single[i] for single in sets]) for i in range(len(sets[0]))]
    outputs = [np.stack([single[i] for single in expected]) for i in range(len(expected[0]))]
    code = compile_model(read_model(model), "net", cpu)
    assert set(code.kernels) >= KERNELS.get((name, cpu), set())
    result = bench_mcu(code.files, "net", cpu, inputs, outputs, toolchain=toolchain)
    assert (result.parity.compared, result.parity.differing) == (3, 0)


@pytest.mark.skipif(not TOOLS, reason="ziglang and unicorn are not installed")
@pytest.mark.parametrize(("name", "cpu"), KERNELS)
def test_assembly_equals_the_reference_on_a_core(name: str, cpu: str) -> None:
    check(name, 1001, cpu)


@pytest.mark.parametrize("cpu", ["cortex-m0plus"])
@pytest.mark.parametrize("name", sorted(CASES))
def test_what_the_assembly_computes_equals_the_reference_on_this_machine(name: str, cpu: str) -> None:
    cases = [Case(f"{name} seed {seed}", CASES[name](np.random.default_rng(seed))) for seed in range(20)]
    assert mismatches(cases, cpu) == []
