"""One channel that is unlike the others does not cost its layer the fast kernel, nor a bit of its outputs."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Sequence

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.compile.operators.shared.exact import exact_constants
from edgepack.compile.operators.shared.staircase import Channel
from edgepack.flatbuffer import read_model
from edgepack.measure.mcu.emulated import bench_mcu
from tests.compile.harness import Case, inputs_for, mismatches
from tests.compile.one_channel import FAR, KINDS, LAYERS, low, side_by_side, unusual
from tests.compile.reference import run_reference

EVERY = sorted(LAYERS)
MOST = 1.05
FAR_LAYERS = ("pointwise", "conv_3x3", "first", "odd_channels", "dense")
TOOLS = all(importlib.util.find_spec(name) for name in ("ziglang", "unicorn"))
needs_unicorn = pytest.mark.skipif(not TOOLS, reason="ziglang and unicorn are not installed")
needs_qemu = pytest.mark.skipif(
    not TOOLS or shutil.which("qemu-system-arm") is None, reason="ziglang or qemu-system-arm is not installed"
)


def ratios(zero: int, core: str, layers: Sequence[str] = EVERY, kinds: tuple[str, ...] = KINDS) -> dict[tuple[str, str], float]:
    """Executed instructions of each layer with one odd channel by the plain layer's, all in one program; bytes are compared."""
    model = side_by_side(layers, zero, kinds)
    sets = inputs_for(read_model(model), 2, 1)
    expected = run_reference(model, sets, "tflite-ref")
    code = compile_model(read_model(model), "net", core)
    inputs, outputs = (tuple(np.stack(arrays) for arrays in zip(*given, strict=True)) for given in (sets, expected))
    result = bench_mcu(code.files, "net", core, inputs, outputs, toolchain="zig")
    assert result.parity.compared == 2
    assert result.parity.differing == 0
    counted = {int(title.split()[0]): count for title, count in result.per_layer.items() if title.split()[0].isdigit()}
    counts = {each.operator: counted[each.index] for each in code.layers}
    pairs = [(layer, kind) for layer in layers for kind in kinds]
    assert sorted(counts) == list(range(len(pairs)))
    return {pair: counts[place] / counts[place - place % len(kinds)] for place, pair in enumerate(pairs)}


def check(zero: int, core: str) -> None:
    assert {pair: ratio for pair, ratio in ratios(zero, core).items() if ratio > MOST} == {}


@needs_unicorn
@pytest.mark.parametrize("zero", [-128, 5])
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33"])
def test_it_costs_at_most_a_twentieth_in_any_layer(core: str, zero: int) -> None:
    check(zero, core)


@needs_unicorn
@pytest.mark.parametrize("zero", [-128, 5])
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "cortex-m7"])
def test_nor_does_a_multiplier_or_a_bias_far_from_the_others(core: str, zero: int) -> None:
    assert {pair: ratio for pair, ratio in ratios(zero, core, FAR_LAYERS, FAR).items() if ratio > MOST} == {}


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


@needs_unicorn
def test_weights_of_the_lowest_value_go_in_another_order_or_apart() -> None:
    """On the emulated core, byte for byte, and by the kernel that other layers have."""
    for share in (0.002, 0.2):
        for seed in range(8):
            model = low(seed, share)
            sets = inputs_for(read_model(model), 2, 1)
            expected = run_reference(model, sets, "tflite-ref")
            code = compile_model(read_model(model), "net", "cortex-m4")
            inputs, outputs = (tuple(np.stack(arrays) for arrays in zip(*given, strict=True)) for given in (sets, expected))
            assert bench_mcu(code.files, "net", "cortex-m4", inputs, outputs, toolchain="zig").parity.differing == 0
            assert share > 0.1 or code.layers[0].kernel.endswith("_gemm")


@pytest.mark.parametrize("core", ["generic", "cortex-m0plus", "cortex-m4", "cortex-m55"])
def test_low_and_far_channels_equal_the_reference(core: str) -> None:
    cases = [Case(f"{share} seed {seed}", low(seed, share)) for share in (0.002, 0.2, 0.7) for seed in range(20)]
    cases += [Case(f"{layer} {zero}", side_by_side([layer], zero, FAR)) for layer in LAYERS for zero in (-128, 5, -20)]
    assert mismatches(cases, core) == []


@pytest.mark.parametrize("seed", range(40))
def test_multipliers_of_128_and_more_are_exact_where_they_are_taken(seed: int) -> None:
    rng = np.random.default_rng(seed)
    zero, shift = int(rng.choice([-128, rng.integers(-128, 128)])), int(rng.integers(8, 14))
    channel = Channel(int(rng.integers(-50, 50)), int(rng.integers(1 << 30, 1 << 31)), shift, zero, -128, 127, -300, 300)
    found = exact_constants(channel)
    assert found is not None or (shift == 8 and zero != -128)
    if found is not None:
        bias, multiplier, offset, right = found
        t = 256 * (np.arange(-300, 301, dtype=np.int64) - channel.bias) + bias
        outputs = ((t * multiplier >> 32) + offset - (t < 0) * 128 >> right).clip(-128, 127)
        assert outputs.tolist() == [channel.output(accumulator) for accumulator in range(-300, 301)]


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
