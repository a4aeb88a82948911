"""Bands of rows give the same bytes as whole layers, compute every row once, and save memory where layers are wide."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from edgepack.compile import compile_model, smaller
from edgepack.compile.bands import Rows, schedule
from edgepack.compile.coding_table import coding_table
from edgepack.flatbuffer import inspect_model, read_model
from tests.compile.builder import ModelBuilder
from tests.compile.cases import filter_scales
from tests.compile.cases_bands import convolution_chain, pooled_chain
from tests.compile.harness import Case, mismatches
from tests.compile.on_core import differing_on_core

TOOLS = all(importlib.util.find_spec(name) for name in ("ziglang", "unicorn"))


@pytest.fixture
def whenever_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bands whatever they cost and however little they save."""
    for name in smaller.COSTS:
        monkeypatch.setitem(smaller.COSTS, name, 100.0)
    monkeypatch.setattr(smaller, "LEAST_SAVED", 0.0)
    monkeypatch.setattr(smaller, "LEAST_BYTES", 0)


@pytest.mark.usefixtures("whenever_possible")
@pytest.mark.parametrize("cpu", ["generic", "cortex-m0plus", "cortex-m4", "cortex-m55"])
@pytest.mark.parametrize("optimize", ["speed", "size"])
def test_chains_in_bands_equal_the_reference(cpu: str, optimize: str) -> None:
    cases = [Case(f"seed {seed}", convolution_chain(np.random.default_rng(seed))) for seed in range(24)]
    codes = [compile_model(read_model(case.model), "net", cpu, optimize) for case in cases]
    assert sum(any(call.rounds for call in code.calls) for code in codes) > 12
    assert mismatches(cases, cpu, optimize=optimize) == []


@pytest.mark.usefixtures("whenever_possible")
@pytest.mark.parametrize("cpu", ["generic", "cortex-m4", "cortex-m55"])
def test_poolings_in_bands_equal_the_reference(cpu: str) -> None:
    cases = [Case(f"seed {seed}", pooled_chain(np.random.default_rng(seed))) for seed in range(40)]
    codes = [compile_model(read_model(case.model), "net", cpu) for case in cases]
    banded = [code for code in codes if any(call.rounds for call in code.calls)]
    kernels = {kernel for code in banded for kernel in code.kernels}
    assert len(banded) > 25
    assert {"ep_max_pool", "ep_max_pool_margins", "ep_average_pool_margins"} <= kernels
    assert not any(layer.op.startswith("PAD") for code in codes for layer in code.layers)
    assert mismatches(cases, cpu) == []


@pytest.mark.usefixtures("whenever_possible")
def test_weights_in_bands_are_told_under_their_own_layer() -> None:
    banded = 0
    for seed in range(12):
        model = read_model(convolution_chain(np.random.default_rng(seed)))
        code = compile_model(model, "net", "cortex-m4", coding="smallest")
        table = coding_table(model, "cortex-m4", coding="smallest")
        weighted = {layer.layer for layer in inspect_model(model).layers if layer.weights.elements}
        assert {row.layer for row in table.rows if "weights" in row.what} == weighted
        banded += any(len(call.parts()) > 1 and call.rounds for call in code.calls)
    assert banded > 6


@pytest.mark.slow
@pytest.mark.skipif(not TOOLS, reason="ziglang and unicorn are not installed")
@pytest.mark.usefixtures("whenever_possible")
@pytest.mark.parametrize("cpu", ["cortex-m0plus", "cortex-m4"])
@pytest.mark.parametrize("seed", [2, 5, 9])
def test_poolings_in_bands_on_a_core_equal_the_reference(cpu: str, seed: int) -> None:
    """Rows are no whole words there, so bands begin at any address."""
    assert differing_on_core(pooled_chain(np.random.default_rng(seed)), cpu, seed)[1] == 0


@pytest.mark.parametrize("seed", range(12))
def test_poolings_as_whole_layers_equal_the_reference(seed: int) -> None:
    cases = [Case(f"seed {n}", pooled_chain(np.random.default_rng(n))) for n in range(100 + 5 * seed, 105 + 5 * seed)]
    assert mismatches(cases, "generic", "cortex-m0plus") == []


@pytest.mark.parametrize("cpu", ["generic", "cortex-m0plus", "cortex-m4", "cortex-m55"])
@pytest.mark.parametrize("optimize", ["speed", "balanced", "size"])
def test_a_stem_needs_less_than_half_of_what_its_convolution_writes(cpu: str, optimize: str) -> None:
    """Convolution 64x50x1 -> 32x25x64, PAD, maximum -> 16x12x64, as ResNets begin: neither of the first two is a whole."""
    rng, b = np.random.default_rng(0), ModelBuilder()
    x = b.tensor((1, 64, 50, 1), scale=0.02)
    scales = filter_scales(rng, 64, True)
    w = b.constant(rng.integers(-127, 128, (64, 7, 7, 1)), "int8", scale=scales)
    conv, padded, y = (b.tensor((1, *hw, 64), scale=0.1, zero_point=-128) for hw in ((32, 25), (34, 27), (16, 13)))
    b.operator("CONV_2D", [x, w], [conv], "Conv2DOptions", version=3, padding="SAME", strideH=2, strideW=2)
    b.operator("PAD", [conv, b.constant(np.array([[0, 0], [1, 1], [1, 1], [0, 0]]))], [padded], "PadOptions", version=2)
    window = {"strideH": 2, "strideW": 2, "filterHeight": 3, "filterWidth": 3, "padding": "VALID"}
    b.operator("MAX_POOL_2D", [padded], [y], "Pool2DOptions", version=2, **window)
    z = b.tensor((1, 16, 13, 64), scale=0.1, zero_point=-128)  # keeps the maximum in the arena
    b.operator("RELU", [y], [z], version=2)
    code = compile_model(read_model(b.finish([x], [z])), "net", cpu, optimize)
    assert code.arena_size < 32 * 25 * 64 // 2


@pytest.mark.usefixtures("whenever_possible")
def test_bands_need_less_memory() -> None:
    saved = 0
    for seed in range(24):
        model = read_model(convolution_chain(np.random.default_rng(seed)))
        whole, bands = compile_model(model, "net", "cortex-m4", rank=9), compile_model(model, "net", "cortex-m4")
        saved += bands.arena_size < 0.8 * whole.arena_size
    assert saved > 6


@pytest.mark.parametrize("seed", range(40))
def test_every_row_is_computed_once_from_rows_that_are_there(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers, height = [], int(rng.integers(8, 60))
    for _ in range(int(rng.integers(2, 5))):
        kernel, stride = int(rng.integers(1, 6)), int(rng.integers(1, 4))
        pad = int(rng.integers(0, kernel))
        out = (height + 2 * pad - kernel) // stride + 1
        if out < 1:
            break
        layers.append(Rows(height, kernel, stride, 1, pad))
        height = out
    if len(layers) < 2:
        layers, height = [Rows(20, 3, 1, 1, 1), Rows(20, 3, 2, 1, 0)], 9
    held: list[dict[int, int]] = [{} for _ in layers]  # rows in each layer's buffer: place -> row
    computed: list[list[int]] = [[] for _ in layers]
    for works in schedule(layers, height, int(rng.integers(1, 5))):
        for i, work in enumerate(works):
            if i + 1 < len(layers):
                held[i] = {place - work.shift: row for place, row in held[i].items() if place >= work.shift}
                assert {place: row for place, row in held[i].items() if place < work.moved} == {
                    place: work.base + place for place in range(work.moved)
                }
            for row in range(work.first, work.end):
                low, high = layers[i].needed(row, row + 1)
                if i > 0:
                    there = held[i - 1]
                    assert all(there.get(needed - works[i - 1].base) == needed for needed in range(low, high))
                held[i][row - work.base] = row
                computed[i].append(row)
    assert computed[-1] == list(range(height))
    assert all(rows == list(range(len(rows))) for rows in computed)
