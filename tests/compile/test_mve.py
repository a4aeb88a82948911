"""The kernels for the vector extension: their plain C on this machine, their instructions on an emulated Cortex-M55."""

from __future__ import annotations

import importlib.util
import shutil

import numpy as np
import pytest

from tests.compile import cases_assembly
from tests.compile.harness import Case, mismatches
from tests.compile.networks import random_network
from tests.compile.on_core import differing_on_core
from tests.compile.test_operators import ALL

CPU = "cortex-m55"
TOOLS = importlib.util.find_spec("ziglang") is not None and shutil.which("qemu-system-arm") is not None
needs_qemu = pytest.mark.skipif(not TOOLS, reason="ziglang and qemu-system-arm are not installed")
KERNELS = {
    "assembly_add": {"ep_add_mve"},
    "assembly_conv_2d": {"ep_conv_2d_mve"},
    "assembly_depthwise": {"ep_depthwise_conv_2d_mve"},
    "assembly_fully_connected": {"ep_fully_connected_mve", "ep_fully_connected_rows_mve"},
    "assembly_unpadded": {"ep_conv_2d_rows_mve"},
}


@pytest.mark.parametrize("name", ["add", "average_pool", "conv_2d", "depthwise_conv_2d", "fully_connected"])
def test_the_plain_c_equals_the_reference(name: str) -> None:
    make, engine = ALL[name]
    cases = [Case(f"{name} seed {seed}", make(np.random.default_rng(seed)), engine) for seed in range(300, 340)]
    assert mismatches(cases, CPU) == []


def test_random_networks_in_plain_c_equal_the_reference() -> None:
    assert mismatches([Case(f"seed {seed}", random_network(seed)) for seed in range(60_000, 60_030)], CPU) == []


@needs_qemu
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(KERNELS))
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_vectors_equal_the_reference_on_the_core(name: str, seed: int) -> None:
    model = cases_assembly.CASES[name](np.random.default_rng(2000 + seed), count=24)
    code, differing = differing_on_core(model, CPU, seed)
    assert set(code.kernels) >= KERNELS[name]
    assert differing == 0


@needs_qemu
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")
@pytest.mark.parametrize("name", sorted(KERNELS))
def test_vectors_built_by_gcc_equal_the_reference_on_the_core(name: str) -> None:
    model = cases_assembly.CASES[name](np.random.default_rng(2001), count=24)
    code, differing = differing_on_core(model, CPU, 1, toolchain="gcc")
    assert set(code.kernels) >= KERNELS[name]
    assert differing == 0


@needs_qemu
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(61_000, 61_008))
def test_random_networks_equal_the_reference_on_the_core(seed: int) -> None:
    assert differing_on_core(random_network(seed), CPU, seed, counted=seed < 61_002)[1] == 0
