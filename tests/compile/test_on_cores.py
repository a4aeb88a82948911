"""Networks and operators give the reference's bits on emulated cores too, with that core's kernels and instructions."""

from __future__ import annotations

import importlib.util
import shutil

import numpy as np
import pytest

from tests.compile.networks import random_network
from tests.compile.on_core import differing_on_core
from tests.compile.test_operators import ALL

TOOLS = all(importlib.util.find_spec(name) for name in ("ziglang", "unicorn"))


@pytest.mark.slow
@pytest.mark.skipif(not TOOLS, reason="ziglang and unicorn are not installed")
@pytest.mark.parametrize("cpu", ["cortex-m0plus", "cortex-m4", "cortex-m23", "cortex-m33"])
@pytest.mark.parametrize("seed", [50_000, 50_001, 50_002])
def test_a_core_gives_the_reference_outputs(cpu: str, seed: int) -> None:
    assert differing_on_core(random_network(seed), cpu, seed, counted=seed == 50_000)[1] == 0


OPERATORS = (
    "int16_conv_2d",
    "int16_depthwise_conv_2d",
    "int16_fully_connected_per_output",
    "int16_softmax",
    "int16_softmax_of_int8",
    "int16_tanh",
    "int16_transpose_conv",
    "lstm",
    "svdf",
    "svdf_int8_state",
    "state_accumulate",
    "state_stream_int16",
    "transpose_conv",
    "batch_matmul",
    "space_to_batch",
    "strided_slice",
    "gather",
    "l2_normalization",
    "embedding",
    "integer_mask",
    "integer_division",
    "cast",
    "gather_any",
    "div",
    "log_softmax",
    "cumsum_float32",
    "add_n_float32",
    "top_k",
    "reduce_prod",
)
CORES = ("cortex-m0plus", "cortex-m4", "cortex-m33")


@pytest.mark.slow
@pytest.mark.skipif(not TOOLS, reason="ziglang and unicorn are not installed")
@pytest.mark.parametrize(("name", "cpu"), [(name, CORES[place % len(CORES)]) for place, name in enumerate(OPERATORS)])
def test_an_operator_on_a_core_gives_the_reference_outputs(name: str, cpu: str) -> None:
    make, engine = ALL[name]
    assert differing_on_core(make(np.random.default_rng(77)), cpu, 77, engine)[1] == 0


@pytest.mark.slow
@pytest.mark.skipif(not TOOLS or shutil.which("qemu-system-arm") is None, reason="ziglang or qemu-system-arm is not installed")
@pytest.mark.parametrize(("name", "cpu"), [("int16_conv_2d", "cortex-m55"), ("lstm", "cortex-m85"), ("svdf", "cortex-m55")])
def test_an_operator_on_a_core_with_vectors_gives_the_reference_outputs(name: str, cpu: str) -> None:
    make, engine = ALL[name]
    assert differing_on_core(make(np.random.default_rng(78)), cpu, 78, engine)[1] == 0
