"""Bands of rows give the same bytes as whole layers, compute every row once, and save memory where layers are wide."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compile import compile_model, lowering
from edgepack.compile.bands import Rows, schedule
from edgepack.flatbuffer import read_model
from tests.compile.cases_bands import convolution_chain
from tests.compile.harness import Case, mismatches


@pytest.fixture
def whenever_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bands whatever they cost and however little they save."""
    monkeypatch.setattr(lowering, "MOST_COST", dict.fromkeys(("speed", "balanced", "size"), 100.0))
    monkeypatch.setattr(lowering, "LEAST_SAVED", 0.0)


@pytest.mark.usefixtures("whenever_possible")
@pytest.mark.parametrize("cpu", ["generic", "cortex-m0plus", "cortex-m4", "cortex-m55"])
@pytest.mark.parametrize("optimize", ["speed", "size"])
def test_chains_in_bands_equal_the_reference(cpu: str, optimize: str) -> None:
    cases = [Case(f"seed {seed}", convolution_chain(np.random.default_rng(seed))) for seed in range(24)]
    codes = [compile_model(read_model(case.model), "net", cpu, optimize) for case in cases]
    assert sum(any(call.rounds for call in code.calls) for code in codes) > 12
    assert mismatches(cases, cpu, optimize=optimize) == []


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
