"""The kernels in assembly give the reference's bits on emulated cores."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from tests.compile.cases_assembly import CASES
from tests.compile.harness import Case, mismatches
from tests.compile.on_core import differing_on_core

TOOLS = all(importlib.util.find_spec(name) for name in ("ziglang", "unicorn"))

# Kernels that a model of a case must have on a core, so that the test tests them.
KERNELS = {
    ("assembly_add", "cortex-m4"): {"ep_add_products"},
    ("assembly_conv_2d", "cortex-m4"): {"ep_conv_2d_gemm"},
    ("assembly_depthwise", "cortex-m4"): {
        "ep_depthwise_3x3",
        "ep_depthwise_3x3_exact",
        "ep_depthwise_3x3_stride2",
        "ep_depthwise_3x3_stride2_exact",
    },
    ("assembly_fully_connected", "cortex-m4"): {"ep_fully_connected_gemm"},
    ("assembly_add", "cortex-m0plus"): {"ep_add_scaled"},
    ("assembly_conv_2d", "cortex-m0plus"): {"ep_conv_2d_lanes"},
    ("assembly_depthwise", "cortex-m0plus"): {"ep_depthwise_lanes"},
}


def check(name: str, seed: int, cpu: str, toolchain: str = "zig") -> None:
    """24 layers side by side on an emulated core, three inputs."""
    model = CASES[name](np.random.default_rng(seed), count=24)
    code, differing = differing_on_core(model, cpu, seed, toolchain=toolchain)
    assert set(code.kernels) >= KERNELS.get((name, cpu), set())
    assert differing == 0


@pytest.mark.skipif(not TOOLS, reason="ziglang and unicorn are not installed")
@pytest.mark.parametrize(("name", "cpu"), KERNELS)
def test_assembly_equals_the_reference_on_a_core(name: str, cpu: str) -> None:
    check(name, 1002, cpu)


@pytest.mark.parametrize("cpu", ["cortex-m0plus"])
@pytest.mark.parametrize("name", sorted(CASES))
def test_what_the_assembly_computes_equals_the_reference_on_this_machine(name: str, cpu: str) -> None:
    cases = [Case(f"{name} seed {seed}", CASES[name](np.random.default_rng(seed))) for seed in range(20)]
    assert mismatches(cases, cpu) == []
