"""Inputs that may be overwritten lie in the arena: the same bytes come out, from there or elsewhere, with less memory."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np
import pytest

from edgepack.compile import CCode, compile_model
from edgepack.flatbuffer import read_model
from edgepack.measure.mcu.emulated import bench_mcu
from tests.compile.cases_bands import convolution_chain, pooled_chain
from tests.compile.harness import compare, inputs_for
from tests.compile.host import build
from tests.compile.networks import random_network
from tests.compile.reference import run_reference
from tests.compile.test_operators import ALL
from tests.compile.test_size import separable_network

TOOLS = all(importlib.util.find_spec(name) for name in ("ziglang", "unicorn"))
MODELS: dict[str, Callable[[], bytes]] = {
    "separable": lambda: separable_network(64),
    **{f"network {seed}": lambda seed=seed: random_network(seed) for seed in range(20)},
    **{f"chain {seed}": lambda seed=seed: convolution_chain(np.random.default_rng(seed)) for seed in range(6)},
    **{f"pooled {seed}": lambda seed=seed: pooled_chain(np.random.default_rng(seed)) for seed in range(6)},
}


def input_bytes(code: CCode) -> int:
    """Of all inputs, each rounded up to whole words."""
    return sum(-(-code.graph.values[value].bytes // 4) * 4 for value in code.graph.inputs)


def differences(files: dict[str, tuple[bytes, str]], cpu: str) -> list[str]:
    """Which models give other bytes than the reference, with their inputs in the arena or elsewhere."""
    codes = [compile_model(read_model(file), f"m{i}", cpu, overlay_input=True) for i, (file, _) in enumerate(files.values())]
    wrong = []
    for (label, (file, engine)), code, host in zip(files.items(), codes, build(codes), strict=True):
        sets = inputs_for(read_model(file), 3, 1)
        for run in (host.run, host.run_in_place):
            if code.state_size:
                host.reset()
            expected = run_reference(file, sets, engine)
            found = [compare(run(given), want) for given, want in zip(sets, expected, strict=True)]
            wrong += [f"{label}: {said}" for said in found if said]
    return wrong


@pytest.mark.parametrize("cpu", ["generic", "cortex-m4", "cortex-m55"])
def test_networks_equal_the_reference(cpu: str) -> None:
    assert differences({label: (make(), "tflite-ref") for label, make in MODELS.items()}, cpu) == []


@pytest.mark.parametrize("part", range(4))
def test_every_operator_equals_the_reference(part: int) -> None:
    names = sorted(ALL)[part::4]
    files = {name: (ALL[name][0](np.random.default_rng(3)), ALL[name][1]) for name in names}
    assert differences(files, "generic") == []


@pytest.mark.parametrize("cpu", ["generic", "cortex-m0plus", "cortex-m7", "cortex-m55"])
def test_the_arena_grows_by_no_more_than_the_inputs(cpu: str) -> None:
    for label, make in MODELS.items():
        model = read_model(make())
        apart, over = (compile_model(model, "net", cpu, overlay_input=each) for each in (False, True))
        assert input_bytes(over) <= over.arena_size <= apart.arena_size + input_bytes(over) + 16, label


@pytest.mark.parametrize("cpu", ["cortex-m0plus", "cortex-m7", "cortex-m55"])
def test_an_image_and_what_is_computed_of_it_take_hardly_more_than_the_image(cpu: str) -> None:
    code = compile_model(read_model(separable_network(96)), "net", cpu, overlay_input=True)
    assert code.arena_size < 1.1 * 96 * 96 * 3


def test_header_and_readme_say_where_the_input_lies_and_that_it_is_overwritten() -> None:
    model = read_model(separable_network(64))
    over, apart = (compile_model(model, "net", overlay_input=each) for each in (True, False))
    offset = over.plan.offsets[over.graph.inputs[0]]
    assert f"#define NET_INPUT_OFFSET {offset} " in over.files["net.h"]
    assert "Inputs are overwritten" in over.files["net.h"] and "A run overwrites its inputs" in over.files["README.md"]
    assert "arena + NET_INPUT_OFFSET" in over.files["README.md"]
    assert "inputs are only read" in apart.files["net.h"] and "OFFSET" not in apart.files["net.h"] + apart.files["README.md"]


@pytest.mark.skipif(not TOOLS, reason="ziglang and unicorn are not installed")
def test_a_core_that_runs_several_inputs_gives_the_reference_outputs() -> None:
    file = separable_network(32)
    sets = inputs_for(read_model(file), 4, 2)
    expected = tuple(np.stack(arrays) for arrays in zip(*run_reference(file, sets), strict=True))
    inputs = tuple(np.stack(arrays) for arrays in zip(*sets, strict=True))
    results = []
    for overlay in (False, True):
        code = compile_model(read_model(file), "net", "cortex-m4", overlay_input=overlay)
        results.append(bench_mcu(code.files, "net", "cortex-m4", inputs, expected, toolchain="zig"))
    apart, over = results
    assert (over.parity.compared, over.parity.differing) == (4, 0)
    assert over.sizes.io == apart.sizes.io - 32 * 32 * 3  # no buffer beside the arena
    assert over.arena_bytes + over.sizes.io < apart.arena_bytes + apart.sizes.io
    assert over.instructions < 1.02 * apart.instructions  # nothing is copied
