"""The kernels in assembly give the reference's bits on emulated cores."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.devices.mcu import bench_mcu
from edgepack.flatbuffer import read_model
from tests.compile.cases_assembly import CASES
from tests.compile.harness import inputs_for
from tests.compile.reference import run_reference

TOOLS = all(importlib.util.find_spec(name) for name in ("ziglang", "unicorn"))


@pytest.mark.skipif(not TOOLS, reason="ziglang and unicorn are not installed")
@pytest.mark.parametrize("name", sorted(CASES))
@pytest.mark.parametrize("seed", [1, 2])
def test_assembly_equals_the_reference_on_a_core(name: str, seed: int, cpu: str = "cortex-m4", toolchain: str = "zig") -> None:
    model = CASES[name](np.random.default_rng(1000 + seed), count=24)
    sets = inputs_for(read_model(model), 3, seed)
    expected = run_reference(model, sets)
    inputs = [np.stack([single[i] for single in sets]) for i in range(len(sets[0]))]
    outputs = [np.stack([single[i] for single in expected]) for i in range(len(expected[0]))]
    code = compile_model(read_model(model), "net", cpu)
    assert set(KERNELS[name]) <= set(code.kernels)
    result = bench_mcu(code.files, "net", cpu, inputs, outputs, toolchain=toolchain)
    assert (result.parity.compared, result.parity.differing) == (3, 0)


KERNELS = {
    "assembly_add": ("ep_add_products",),
    "assembly_conv_2d": ("ep_conv_2d_gemm",),
    "assembly_depthwise": ("ep_depthwise_3x3", "ep_depthwise_3x3_stride2"),
    "assembly_fully_connected": ("ep_fully_connected_gemm",),
}
