"""Kernels that skip blocks of zeros: the reference's bits at every density, and fewer instructions and bytes."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgepack.compile import CCode, compile_model
from edgepack.compile.coded.direct import DIRECT
from edgepack.compile.coding_table import coding_table
from edgepack.compile.operators.shared.block_stream import pack_blocks
from edgepack.compile.operators.shared.requantize import Requantization
from edgepack.flatbuffer import read_model
from edgepack.measure.mcu.emulated import McuResult, bench_mcu
from tests.compile.builder import ModelBuilder
from tests.compile.cases_assembly import CASES
from tests.compile.harness import c_text, inputs_for
from tests.compile.networks import random_network
from tests.compile.reference import run_reference
from tests.compile.sanitized import run_sanitized
from tests.compile.structured import skipping, structured
from tests.compile.test_coded import CPUS, _bytes, differing

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "coding.md"
TOOLS = all(importlib.util.find_spec(name) for name in ("ziglang", "unicorn"))
DENSITIES = (0.0, 0.03, 0.3, 0.7)  # of blocks that are not zero
NAMES = ("assembly_conv_2d", "assembly_fully_connected")
needs_tools = pytest.mark.skipif(not TOOLS, reason="ziglang and unicorn are not installed")


@pytest.fixture
def small_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels are taken however little they save."""
    for name, what in DIRECT.items():
        monkeypatch.setitem(DIRECT, name, replace(what, code_bytes=-1))


def layers(name: str, seed: int, density: float, extreme: bool = False) -> bytes:
    """Twelve layers side by side: odd channels, windows, strides, dilations, paddings, zero points, activations."""
    return skipping(CASES[name](np.random.default_rng(seed), count=12), seed, density, extreme)


def compiled(models: dict[str, bytes], cpu: str, coding: str) -> dict[str, CCode]:
    return {key: compile_model(read_model(model), f"m{i}", cpu, coding=coding) for i, (key, model) in enumerate(models.items())}


def taken(code: CCode) -> set[str]:
    return DIRECT.keys() & set(code.kernels)


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("name", NAMES)
def test_layers_equal_the_reference_at_every_density(small_too: None, name: str, cpu: str) -> None:
    models = {
        f"{density} {extreme}": layers(name, 3000 + place, density, extreme)
        for place, (density, extreme) in enumerate((density, extreme) for density in DENSITIES for extreme in (False, True))
    }
    codes = compiled(models, cpu, "blocks")
    assert cpu == "cortex-m55" or all(taken(code) for key, code in codes.items() if key.startswith("0.3"))
    assert differing(models, codes) == []


@pytest.mark.parametrize("cpu", CPUS)
def test_networks_equal_the_reference(small_too: None, cpu: str) -> None:
    models = {f"seed {seed}": skipping(random_network(seed), seed, 0.3) for seed in range(600, 606)}
    codes = compiled(models, cpu, "auto")
    assert cpu == "cortex-m55" or sum(bool(taken(code)) for code in codes.values()) > 1
    assert differing(models, codes) == []


def measured(model: bytes, cpu: str, coding: str) -> tuple[CCode, McuResult]:
    """A model on an emulated core, three inputs: each the reference's bytes."""
    sets = inputs_for(read_model(model), 3, 7)
    expected = run_reference(model, sets, "tflite-ref")
    code = compile_model(read_model(model), "net", cpu, coding=coding)
    given, wanted = (tuple(np.stack(arrays) for arrays in zip(*each, strict=True)) for each in (sets, expected))
    result = bench_mcu(code.files, "net", cpu, given, wanted)
    assert result.parity.compared == 3 and result.parity.differing == 0
    return code, result


@needs_tools
@pytest.mark.parametrize(
    ("cpu", "density", "extreme"),
    [
        ("cortex-m4", 0.4, False),
        ("cortex-m0plus", 0.4, False),
        pytest.param("cortex-m33", 0.2, True, marks=pytest.mark.slow),
        pytest.param("cortex-m7", 0.0, False, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_the_assembly_equals_the_reference_on_a_core(small_too: None, name: str, cpu: str, density: float, extreme: bool) -> None:
    code, _ = measured(layers(name, 3100, density, extreme), cpu, "blocks")
    assert taken(code)


def network(density: float) -> bytes:
    """An image of 16 channels through 3x3 convolutions of 16, 32 and 64 channels, one of 1x1, and a dense layer."""
    rng, b = np.random.default_rng(11), ModelBuilder()
    first = x = b.tensor((1, 16, 16, 16), scale=0.05, zero_point=-128)
    size, channels = 16, 16
    for window, stride, filters in ((3, 1, 16), (3, 2, 32), (3, 1, 32), (3, 2, 64), (1, 1, 64), (4, 1, 10)):
        padding = "VALID" if window == 4 else "SAME"
        size = size - window + 1 if window == 4 else size // stride
        weights = rng.normal(0, 30, (filters, window, window, channels)).round().clip(-127, 127).astype(np.int8)
        w = b.constant(weights, "int8", scale=rng.uniform(0.001, 0.004, filters))
        bias = b.constant(rng.integers(-500, 500, filters).astype(np.int32), "int32", scale=[1e-4] * filters)
        y = b.tensor((1, size, size, filters), scale=0.05, zero_point=-128)
        b.operator(
            "CONV_2D",
            [x, w, bias],
            [y],
            "Conv2DOptions",
            version=3,
            padding=padding,
            strideH=stride,
            strideW=stride,
            dilationHFactor=1,
            dilationWFactor=1,
            fusedActivationFunction="RELU",
        )
        x, channels = y, filters
    return skipping(b.finish([first], [x]), 12, density)


def test_every_kernel_that_skips_blocks_is_taken_somewhere() -> None:
    models = [read_model(layers(name, 3000, 0.2)) for name in NAMES]
    found = {name for model in models for cpu in CPUS for name in taken(compile_model(model, "m", cpu, coding="blocks"))}
    assert found == {name for name, what in DIRECT.items() if what.code == "blocks"}


@needs_tools
@pytest.mark.parametrize("cpu", ["cortex-m4", "cortex-m0plus"])
def test_half_of_the_blocks_zero_makes_a_network_faster_and_smaller(cpu: str) -> None:
    model = network(0.5)
    (dense, before), (sparse, after) = (measured(model, cpu, coding) for coding in ("off", "auto"))
    assert before.instructions >= 1.3 * after.instructions
    assert _bytes(dense) >= 1.5 * _bytes(sparse)
    assert after.flash_bytes < before.flash_bytes


@needs_tools
@pytest.mark.parametrize("cpu", ["cortex-m4", "cortex-m0plus"])
def test_what_a_kernel_is_expected_to_cost_is_what_it_costs(cpu: str) -> None:
    code, result = measured(network(0.4), cpu, "auto")
    counts = list(result.per_layer.values())
    for layer in code.layers:
        if layer.kernel in DIRECT:
            assert layer.predicted == pytest.approx(counts[layer.index], rel=0.2)


@pytest.mark.parametrize("optimize", ["speed", "balanced", "size"])
def test_it_is_taken_with_every_aim_unless_coding_is_off(optimize: str) -> None:
    model = read_model(network(0.4))
    assert "ep_conv_2d_blocks" in taken(compile_model(model, "net", "cortex-m4", optimize, coding="auto"))
    assert not taken(compile_model(model, "net", "cortex-m4", optimize, coding="off"))


@pytest.mark.parametrize("cpu", CPUS)
def test_a_model_without_zeros_stays_as_it_is(cpu: str) -> None:
    for model in (structured(random_network(541), 541, "trained"), network(1.0)):
        plain, coded = (compile_model(read_model(model), "m", cpu, coding=coding) for coding in ("off", "auto"))
        assert c_text(plain) == c_text(coded)


def test_the_table_says_that_zeros_are_skipped() -> None:
    table = coding_table(read_model(network(0.4)), "cortex-m4")
    row = next(row for row in table.rows if row.code)
    assert row.code == "blocks" and row.why.startswith("saves ") and row.why.endswith("computed from its blocks, skipping zeros")
    assert table.totals.instructions == 0 and table.totals.decoder_bytes >= DIRECT["ep_conv_2d_blocks"].code_bytes


def test_the_guide_shows_a_filter_as_it_is_stored() -> None:
    filter_ = np.array([[0, 0, 0, 0, 0, 0, 0, 0, 5, 0, -3, 0, 0, 1, 0, 0]], np.int8)
    constants = (np.array([each]) for each in (0, 1 << 30, -7))
    bounds = (np.array([each]) for each in (-9999, 9999, False))
    one = Requantization(*constants, 0, -128, 127, *bounds)
    stream = pack_blocks(filter_, one)
    assert stream is not None
    shown = re.findall(r"^    ((?:[0-9A-F]{8} ?)+)$", GUIDE.read_text(), re.MULTILINE)
    assert [" ".join(f"{word:08X}" for word in stream.view(np.uint32)[:4])] == shown


@pytest.mark.slow
def test_no_sanitizer_complains(small_too: None, tmp_path: Path) -> None:
    models = [layers(name, 3200, density, True) for name in NAMES for density in (0.0, 0.3, 0.6)]
    named = {f"m{place}_{cpu[-2:]}": (model, cpu) for place, model in enumerate(models) for cpu in CPUS}
    codes = [compile_model(read_model(model), name, cpu, coding="blocks") for name, (model, cpu) in named.items()]
    inputs = [inputs_for(read_model(model), 1, 5) for model in models]
    outputs = [run_reference(model, given, "tflite-ref")[0] for model, given in zip(models, inputs, strict=True)]
    expected = b"".join(array.tobytes() for each in outputs for _ in CPUS for array in each)
    assert run_sanitized(codes, [given[0] for given in inputs for _ in CPUS], tmp_path) == expected
