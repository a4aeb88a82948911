"""Figures of a file are those that `edgepack bench` measures of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import edgepack
from edgepack.project import load_target
from edgepack.search.figures import compiled_figures
from tests.compile.builder import ModelBuilder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A dense layer of 6 x 3 weights."""
    builder = ModelBuilder()
    start, end = builder.tensor((1, 6), scale=0.04, name="input"), builder.tensor((1, 3), scale=0.15, name="dense/out")
    values = np.random.default_rng(0).integers(-100, 101, (3, 6)).astype(np.int8)
    weights = builder.tensor(values.shape, scale=0.02, data=values, name="dense/kernel")
    builder.operator("FULLY_CONNECTED", [start, weights, -1], [end], "FullyConnectedOptions")
    file = tmp_path / "small.tflite"
    file.write_bytes(bytes(builder.finish([start], [end])))
    return file


def test_a_microcontrollers_figures_are_those_of_bench(model: Path) -> None:
    target = load_target("cortex-m4")
    found = compiled_figures(model, target)
    measured = {each.quantity: each.value for each in edgepack.bench(model, target=target, quiet=True).measurements}
    assert (found.flash, found.ram) == (measured["flash"], measured["ram"])
    assert found.instructions == pytest.approx(measured["instructions"], rel=0.02)  # of other inputs
    assert found.latency == pytest.approx(measured["latency_p50"], rel=0.02)
    assert (found.model_size, found.macs) == (model.stat().st_size, 18)


def test_of_a_device_that_runs_the_file_its_size_is_known(model: Path) -> None:
    found = compiled_figures(model, load_target("rpi"))
    assert (found.flash, found.ram, found.instructions, found.latency) == (None,) * 4
    assert (found.model_size, found.macs) == (model.stat().st_size, 18)


def test_tflite_micros_arena_is_the_ram_of_a_target_that_runs_it(model: Path) -> None:
    target = load_target("cortex-m4")
    found = compiled_figures(model, replace(target, device=replace(target.device, runtime="tflm")))
    assert found.ram is not None and 0 < found.ram < 4096 and found.flash is None
