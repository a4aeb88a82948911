"""Convolutions that skip weights of zero, wherever these are: the reference's bits, fewer instructions and fewer bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.compile import CCode, compile_model
from edgepack.compile.coded import fitting, skipping
from edgepack.compile.coded.direct import DIRECT
from edgepack.compile.coded.skipping import SKIPPING
from edgepack.compile.operators.shared.sparse_stream import FARTHEST, Lines, pack_sparse, stays_apart, unpacked_sparse
from edgepack.flatbuffer import read_model
from edgepack.measure.mcu.emulated import McuResult, bench_mcu
from tests.compile.cases_assembly import CASES
from tests.compile.harness import c_text, inputs_for
from tests.compile.networks import random_network
from tests.compile.reference import run_reference
from tests.compile.sanitized import run_sanitized
from tests.compile.structured import structured
from tests.compile.test_coded import differing, small_too
from tests.compile.test_skipping_zeros import GUIDE, measured, needs_tools, network

DENSITIES = (0.0, 0.02, 0.2, 0.5)  # of weights that are not zero


def thinned(model: bytes, seed: int, density: float, extreme: bool = False) -> bytes:
    """The model with such a share of its weights left, wherever they are; `extreme`: of -128 and 127."""
    rng, changed = np.random.default_rng(seed), bytearray(model)
    base = np.frombuffer(changed, np.uint8)
    for tensor in read_model(model).subgraphs[0].tensors:
        if tensor.data is None or tensor.dtype != "int8" or tensor.data.ndim < 2:
            continue
        stored = np.ascontiguousarray(tensor.data).tobytes()
        at = model.find(len(stored).to_bytes(4, "little") + stored) + 4
        values = rng.choice([-128, 127], tensor.data.size) if extreme else np.frombuffer(stored, np.int8)
        kept = np.where(rng.random(values.size) < density, values, 0).astype(np.int8)
        base[at : at + kept.size] = kept.view(np.uint8)
    return bytes(changed)


def layers(seed: int, density: float, extreme: bool = False) -> bytes:
    """Twelve convolutions side by side: odd channels, windows, strides, dilations, paddings, zero points, activations."""
    return thinned(CASES["assembly_conv_2d"](np.random.default_rng(seed), count=12), seed, density, extreme)


def taken(code: CCode) -> int:
    return sum(part.kernel == SKIPPING for call in code.calls for part in call.parts())


def decoded(code: CCode) -> int:
    return sum(part.kernel == "ep_unpack_sparse" for call in code.calls for part in call.parts())


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is taken however little it saves."""
    monkeypatch.setitem(DIRECT, SKIPPING, replace(DIRECT[SKIPPING], code_bytes=-1))


@pytest.fixture
def always(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it can be; and its weights are decoded, whatever that saves and takes."""
    small_too(monkeypatch)
    monkeypatch.setattr(skipping, "GAIN", 1e9)
    monkeypatch.setattr(skipping, "NEARLY", 0.0)
    monkeypatch.setattr(fitting, "_slower", lambda before, after: False)
    monkeypatch.setattr(fitting, "LEAST", -(1 << 30))
    monkeypatch.setattr(fitting, "WORTH", 0.0)
    monkeypatch.setitem(fitting.ADDED, "balanced", fitting.UNLIMITED)


def compiled(models: dict[str, bytes], cpu: str, coding: str) -> dict[str, CCode]:
    return {key: compile_model(read_model(model), f"m{i}", cpu, coding=coding) for i, (key, model) in enumerate(models.items())}


@pytest.mark.parametrize("cpu", ["cortex-m4", "cortex-m55"])
def test_layers_equal_the_reference_at_every_density(small: None, cpu: str) -> None:
    models = {
        f"{density} {extreme}": layers(4000 + place, density, extreme)
        for place, (density, extreme) in enumerate((density, extreme) for density in DENSITIES for extreme in (False, True))
    }
    codes = compiled(models, cpu, "runs")
    assert cpu == "cortex-m55" or all(taken(code) for key, code in codes.items() if not key.startswith("0.5"))
    assert differing(models, codes) == []


@pytest.mark.parametrize("block", [0, 1, 99])
def test_decoded_weights_equal_the_reference(always: None, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    small_too(monkeypatch, block)
    models = {f"layers {density}": layers(4100 + place, density) for place, density in enumerate(DENSITIES)}
    models |= {f"seed {seed}": structured(random_network(seed), seed, "pruned") for seed in range(650, 656)}
    codes = compiled(models, "cortex-m4", "auto")
    assert sum(decoded(code) for code in codes.values()) > 12
    assert differing(models, codes) == []


@needs_tools
@pytest.mark.parametrize(
    ("cpu", "density", "extreme"),
    [
        ("cortex-m4", 0.3, False),
        ("cortex-m4", 0.02, True),
        pytest.param("cortex-m33", 0.2, True, marks=pytest.mark.slow),
        pytest.param("cortex-m7", 0.0, False, marks=pytest.mark.slow),
    ],
)
def test_the_assembly_equals_the_reference_on_a_core(small: None, cpu: str, density: float, extreme: bool) -> None:
    code, _ = measured(layers(4200, density, extreme), cpu, "runs")
    assert taken(code)


@needs_tools
def test_what_a_core_decodes_equals_the_reference(always: None) -> None:
    code, _ = measured(layers(4300, 0.2), "cortex-m4", "auto")
    assert decoded(code)


@needs_tools
@pytest.mark.parametrize(("optimize", "faster", "smaller"), [("speed", 1.7, 1.4), ("balanced", 0.87, 1.6)])
def test_pruned_anywhere_a_network_becomes_faster_and_smaller(optimize: str, faster: float, smaller: float) -> None:
    model = thinned(network(1.0), 13, 0.25)
    before, after = (run(model, optimize, coding) for coding in ("off", "auto"))
    assert before.instructions >= faster * after.instructions
    assert before.flash_bytes >= smaller * after.flash_bytes


def run(model: bytes, optimize: str, coding: str) -> McuResult:
    """A model on the emulated core, two inputs: each the reference's bytes."""
    sets = inputs_for(read_model(model), 2, 7)
    code = compile_model(read_model(model), "net", "cortex-m4", optimize, coding=coding)
    given, wanted = (
        tuple(np.stack(arrays) for arrays in zip(*each, strict=True)) for each in (sets, run_reference(model, sets, "tflite-ref"))
    )
    result = bench_mcu(code.files, "net", "cortex-m4", given, wanted)
    assert result.parity.compared == 2 and result.parity.differing == 0
    return result


@needs_tools
@pytest.mark.parametrize("optimize", ["speed", "balanced"])
def test_what_it_is_expected_to_cost_is_what_it_costs(optimize: str) -> None:
    model = thinned(network(1.0), 14, 0.3)
    code = compile_model(read_model(model), "net", "cortex-m4", optimize, coding="auto")
    counts = list(run(model, optimize, "auto").per_layer.values())
    skipped = [layer for layer in code.layers if layer.kernel == SKIPPING]
    assert len(skipped) > 2
    for layer in skipped:
        assert layer.predicted == pytest.approx(counts[layer.index], rel=0.15), layer.layer


@pytest.mark.parametrize("optimize", ["speed", "balanced"])
def test_it_is_not_taken_where_coding_is_off(optimize: str) -> None:
    assert not taken(compile_model(read_model(thinned(network(1.0), 15, 0.3)), "net", "cortex-m4", optimize, coding="off"))


def test_dense_weights_stay_as_they_are() -> None:
    model = read_model(thinned(network(1.0), 16, 0.9))
    plain, coded = (compile_model(model, "m", "cortex-m4", "speed", coding=coding) for coding in ("off", "auto"))
    assert c_text(plain) == c_text(coded)


def test_a_stream_is_what_it_was_made_of() -> None:
    rng = np.random.default_rng(5)
    for _ in range(60):
        phases = int(rng.integers(1, 3))
        lines = Lines(
            int(rng.integers(1, 4)), phases, int(rng.integers(1, 40)), int(rng.integers(8, 40)), int(rng.integers(phases, 6)), 1
        )
        filters = rng.integers(-128, 128, (5, lines.rows, lines.kernel_w, lines.channels)).astype(np.int8)
        filters[rng.random(filters.shape) > rng.choice([0.0, 0.02, 0.5])] = 0
        rows, pairs = lines.ordered(filters), rng.integers(0, 1 << 30, (5, 2))
        stream = pack_sparse(rows, lines, [(int(a), int(b)) for a, b in pairs])
        assert stream is not None
        found, constants = unpacked_sparse(stream, lines)
        assert (found == rows).all() and (constants == pairs).all()


def test_far_weights_have_zeros_between() -> None:
    lines = Lines(1, 1, 60, 10, 1, 1)
    row = np.zeros((1, 60), np.int8)
    row[0, [0, 59]] = 3, -4
    stream = pack_sparse(row, lines, [(7, 8)])
    assert stream is not None
    assert stream[1:-2].view(np.uint8).tolist() == [0, 3, FARTHEST, 0, FARTHEST, 0, 590 - 2 * FARTHEST, 256 - 4]


def test_sums_that_would_run_into_each_other_are_refused() -> None:
    assert stays_apart(np.full((2, 250), 127, np.int8)) and not stays_apart(np.full((2, 300), 127, np.int8))
    assert not stays_apart(np.full((2, 260), -128, np.int8))


@pytest.mark.slow
@pytest.mark.parametrize("block", [0, 1])
def test_no_sanitizer_complains(always: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, block: int) -> None:
    small_too(monkeypatch, block)
    models = [layers(4400, density, True) for density in DENSITIES]
    models += [structured(random_network(660 + place), place, "pruned") for place in range(4)]
    codes: list[Any] = [compile_model(read_model(model), f"m{i}", "cortex-m4", coding="auto") for i, model in enumerate(models)]
    assert sum(decoded(code) for code in codes) > 6
    inputs = [inputs_for(read_model(model), 1, 5) for model in models]
    outputs = [run_reference(model, given, "tflite-ref")[0] for model, given in zip(models, inputs, strict=True)]
    expected = b"".join(array.tobytes() for each in outputs for array in each)
    assert run_sanitized(codes, [given[0] for given in inputs], tmp_path) == expected


def test_the_guide_shows_a_filter_as_it_is_stored() -> None:
    lines = Lines(1, 1, 5, 1, 1, 1)
    stream = pack_sparse(np.array([[0, 0, 5, 0, -3]], np.int8), lines, [(0, 0)])
    assert stream is not None
    head, weights = stream.view(np.uint32)[0], stream[1:2].view(np.uint8)
    shown = f"    {head >> 16:04X} {head & 0xFFFF:04X} " + " ".join(f"{each:02X}" for each in weights)
    assert shown in GUIDE.read_text().splitlines()
