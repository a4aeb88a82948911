"""One channel that is unlike the others does not cost its layer the fast kernel, nor a bit of its outputs."""

from __future__ import annotations

import importlib.util
import shutil

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from edgepack.measure.mcu.emulated import bench_mcu
from tests.compile.harness import Case, inputs_for, mismatches
from tests.compile.one_channel import KINDS, LAYERS, side_by_side, unusual
from tests.compile.reference import run_reference

EVERY = sorted(LAYERS)
MOST = 1.05
MOST_FOR_VECTORS = 1.08  # where a pointwise layer has few inputs, the shifts of its vectors are more than a twentieth
TOOLS = all(importlib.util.find_spec(name) for name in ("ziglang", "unicorn"))
needs_unicorn = pytest.mark.skipif(not TOOLS, reason="ziglang and unicorn are not installed")
needs_qemu = pytest.mark.skipif(
    not TOOLS or shutil.which("qemu-system-arm") is None, reason="ziglang or qemu-system-arm is not installed"
)


def ratios(zero: int, core: str) -> dict[tuple[str, str], float]:
    """Executed instructions of each layer with one odd channel by the plain layer's, all in one program; bytes are compared."""
    model = side_by_side(EVERY, zero)
    sets = inputs_for(read_model(model), 2, 1)
    expected = run_reference(model, sets, "tflite-ref")
    code = compile_model(read_model(model), "net", core)
    inputs, outputs = (tuple(np.stack(arrays) for arrays in zip(*given, strict=True)) for given in (sets, expected))
    result = bench_mcu(code.files, "net", core, inputs, outputs, toolchain="zig")
    assert result.parity.compared == 2
    assert result.parity.differing == 0
    counted = {int(title.split()[0]): count for title, count in result.per_layer.items() if title.split()[0].isdigit()}
    layers = {each.operator: counted[each.index] for each in code.layers}
    pairs = [(layer, kind) for layer in EVERY for kind in KINDS]
    assert sorted(layers) == list(range(len(pairs)))
    return {pair: layers[place] / layers[place - place % len(KINDS)] for place, pair in enumerate(pairs)}


def check(zero: int, core: str) -> None:
    most = {"pointwise": MOST_FOR_VECTORS} if core == "cortex-m55" else {}
    assert {pair: ratio for pair, ratio in ratios(zero, core).items() if ratio > most.get(pair[0], MOST)} == {}


@needs_unicorn
@pytest.mark.parametrize("zero", [-128, 5])
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33"])
def test_it_costs_at_most_a_twentieth_in_any_layer(core: str, zero: int) -> None:
    check(zero, core)


@needs_qemu
@pytest.mark.parametrize("zero", [-128, 5])
def test_it_costs_vectors_at_most_a_twentieth(zero: int) -> None:
    check(zero, "cortex-m55")


@pytest.mark.parametrize("layer", EVERY)
@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m55"])
@pytest.mark.parametrize("zero", [-128, 5])
def test_it_keeps_the_plain_layers_kernel(layer: str, core: str, zero: int) -> None:
    code = compile_model(read_model(side_by_side([layer], zero)), "net", core)
    kernels = {kind: code.layers[place].kernel for place, kind in enumerate(KINDS)}
    assert set(kernels.values()) == {kernels["plain"]}


@pytest.mark.parametrize("core", ["generic", "cortex-m0plus", "cortex-m4", "cortex-m55"])
def test_all_kinds_equal_the_reference_on_this_machine(core: str) -> None:
    cases = [
        Case(f"{layer} {zero} seed {seed}", side_by_side([layer], zero, seed=seed))
        for layer in LAYERS
        for zero in (-128, 5, -20)
        for seed in (1, 2)
    ]
    assert mismatches(cases, core) == []


@pytest.mark.parametrize("core", ["generic", "cortex-m0plus", "cortex-m4", "cortex-m55"])
def test_any_number_of_such_channels_equals_the_reference(core: str) -> None:
    assert mismatches([Case(f"seed {seed}", unusual(seed)) for seed in range(60)], core) == []
