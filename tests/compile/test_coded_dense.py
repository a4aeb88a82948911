"""Dense layers computed from the codes of their weights: the reference's bits for any number of values, and few instructions."""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest

from edgepack.compile import CCode, compile_model
from edgepack.compile.coded.direct_dense import DENSE
from edgepack.compile.coding_table import coding_table
from edgepack.flatbuffer import read_model
from edgepack.measure.mcu.emulated import bench_mcu
from tests.compile.builder import ModelBuilder
from tests.compile.dense_layers import dense, only_from_codes
from tests.compile.harness import Case, assert_exact, compare, inputs_for
from tests.compile.host import build
from tests.compile.on_core import differing_on_core
from tests.compile.reference import run_reference
from tests.compile.sanitized import run_sanitized

TOOLS = all(importlib.util.find_spec(name) for name in ("ziglang", "unicorn"))
CPUS = ("generic", "cortex-m0plus", "cortex-m4")
GRIDS = {bits: np.linspace(-120, 120, 1 << bits).astype(int) for bits in (1, 2, 4)} | {
    3: np.arange(-126, 127, 42),
    5: np.arange(-120, 121, 8),
}
UNEVEN = {
    2: [-90, 0, 77],
    3: [-90, -3, 0, 5, 7, 40, 90],
    4: [-120, -90, -77, -50, -40, -20, -10, 0, 3, 14, 21, 40, 70, 90, 100, 127],
}
KERNELS = {
    **{f"grid_{bits}": list(values) for bits, values in GRIDS.items()},
    **{f"palette_{bits}": values for bits, values in UNEVEN.items()},
}


def used(code: CCode) -> set[str]:
    """The kernels of generated C that compute on codes."""
    return {kernel for kernel in code.kernels if kernel in DENSE}


def of_count(count: int, even: bool, rng: np.random.Generator) -> list[int]:
    """So many different weights, on a grid or anywhere."""
    if even:
        step = int(rng.integers(1, 255 // max(count - 1, 1) + 1))
        least = int(rng.integers(-128, 128 - step * (count - 1)))
        return [least + step * place for place in range(count)]
    return sorted(int(value) for value in rng.choice(np.arange(-128, 128), count, replace=False))


@pytest.mark.parametrize("name", ["grid", "palette"])
def test_every_number_of_values_gives_the_reference_bits(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """1 to 32 values, on odd sizes, with several rows, one scale and one for each output, and any zero point."""
    only_from_codes(monkeypatch, name)
    rng = np.random.default_rng(7)
    cases = []
    for count in range(1, 33):
        for turn in range(3):
            values = of_count(count, name == "grid", rng)
            inputs, outputs = int(rng.integers(1, 70)), int(rng.integers(1, 20))
            model = dense(values, inputs, outputs, count + turn, turn == 1, int(rng.integers(1, 4)), (None, -128, 127)[turn])
            cases.append(Case(f"{count} values, {inputs} x {outputs}, {turn}", model))
    assert_exact(cases, CPUS if name == "grid" else CPUS[-1:])


@pytest.mark.parametrize("name", ["grid", "palette"])
def test_every_width_of_a_row_by_every_kernel(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What the last word of codes holds beyond a row adds nothing."""
    only_from_codes(monkeypatch, name)
    cases = []
    for kernel, values in KERNELS.items():
        for inputs in (*range(1, 20), 33, 127) if kernel.startswith(name) else ():
            cases.append(Case(f"{kernel}, {inputs} inputs", dense(values, inputs, 5, inputs)))
            if inputs > 16:
                assert used(compile_model(read_model(cases[-1].model), "m", "cortex-m4")) == {f"ep_fully_connected_{kernel}_dsp"}
    assert_exact(cases, ("cortex-m4", "generic"), count=1)


@pytest.mark.parametrize("name", ["grid", "palette"])
def test_extreme_inputs_weights_and_biases(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Sums of products reach what they can, and biases beyond 16 bits; left shifts too."""
    only_from_codes(monkeypatch, name)
    weights = {"grid": ([-128, 127], [-128, 0, 127], [-127, 127], [-128]), "palette": ([-128, -127, 127], [-128, 126, 127])}[name]
    models, expected, wrong = [], [], []
    for place, (values, scale) in enumerate(itertools.product(weights, (0.0, 1e-6, 100.0))):
        zero, bias = (-128, 127, 0)[place % 3], 2**28 if place % 2 else 10
        models.append(dense(values, 5000, 5, place, False, 2, zero, bias, scale))
    given = [(np.full((2, 5000), fill, np.int8),) for fill in (-128, 127)] + inputs_for(read_model(models[0]), 1, 1)
    expected = [run_reference(model, given, "tflite-ref") for model in models]
    for cpu in CPUS if name == "grid" else CPUS[-1:]:
        codes = [compile_model(read_model(model), f"m{place}", cpu) for place, model in enumerate(models)]
        assert sum(bool(used(code)) for code in codes) >= len(codes) // 2
        for place, host in enumerate(build(codes)):
            wrong += [
                f"{cpu} {place}: {d}" for i, e in zip(given, expected[place], strict=True) if (d := compare(host.run(i), e))
            ]
    assert wrong == []


@pytest.mark.slow
@pytest.mark.skipif(not TOOLS, reason="ziglang and unicorn are not installed")
@pytest.mark.parametrize("cpu", ["cortex-m4", "cortex-m0plus", "cortex-m33"])
@pytest.mark.parametrize("name", KERNELS)
def test_kernels_on_a_core_give_the_reference_bits(monkeypatch: pytest.MonkeyPatch, name: str, cpu: str) -> None:
    """In that core's assembly."""
    only_from_codes(monkeypatch, name.split("_")[0])
    for inputs, outputs, each in ((37, 7, True), (64, 12, False)):
        code, differing = differing_on_core(dense(KERNELS[name], inputs, outputs, 3, each, 2), cpu, 5)
        assert (bool(used(code)), differing) == (cpu != "cortex-m0plus" or name.startswith("grid"), 0)


@pytest.mark.slow
def test_no_sanitizer_complains(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    models, codes = [], []
    for place, (name, values) in enumerate(KERNELS.items()):
        only_from_codes(monkeypatch, name.split("_")[0])
        for cpu in CPUS:
            models.append(dense(values, 31 + place, 6 + place % 4, place, place % 2 == 0, 1 + place % 3))
            codes.append(compile_model(read_model(models[-1]), f"m{place}_{cpu[-2:]}", cpu))
    inputs = [inputs_for(read_model(model), 1, 5)[0] for model in models]
    outputs = [run_reference(model, [given], "tflite-ref")[0] for model, given in zip(models, inputs, strict=True)]
    assert run_sanitized(codes, inputs, tmp_path) == b"".join(array.tobytes() for each in outputs for array in each)


def autoencoder(values: list[int], seed: int = 1) -> bytes:
    """64 - 128 - 128 - 8 - 128 - 64 with weights of few values."""
    rng, builder = np.random.default_rng(seed), ModelBuilder()
    sizes = (64, 128, 128, 8, 128, 64)
    first = last = builder.tensor((1, sizes[0]), scale=0.05, zero_point=-128)
    for place, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        weights = rng.choice(values, (outputs, inputs)).astype(np.int8)
        scale = 1.5 / (np.sqrt(inputs) * float(np.abs(weights.astype(int)).mean()))
        w = builder.tensor((outputs, inputs), scale=scale, data=weights, name=f"dense_{place}/weights")
        numbers = rng.integers(-300, 300, outputs).astype(np.int32)
        b = builder.tensor((outputs,), "int32", scale=0.05 * scale, data=numbers, name=f"dense_{place}/bias")
        following = builder.tensor((1, outputs), scale=0.05, zero_point=-128, name=f"dense_{place}/out")
        builder.operator("FULLY_CONNECTED", [last, w, b], [following], "FullyConnectedOptions", fusedActivationFunction="RELU")
        last = following
    return builder.finish([first], [last])


def counted(model: bytes, coding: str, optimize: str = "balanced") -> tuple[CCode, int]:
    """The C and the instructions of a run on the Cortex-M4, whose outputs are the reference's."""
    given = inputs_for(read_model(model), 2, 1)
    expected = run_reference(model, given, "tflite-ref")
    inputs, outputs = (tuple(np.stack(arrays) for arrays in zip(*each, strict=True)) for each in (given, expected))
    code = compile_model(read_model(model), "net", "cortex-m4", optimize, coding=coding)
    result = bench_mcu(code.files, "net", "cortex-m4", inputs, outputs)
    assert result.parity.differing == 0
    return code, result.instructions


@pytest.mark.skipif(not TOOLS, reason="ziglang and unicorn are not installed")
@pytest.mark.parametrize(("kernel", "most"), [("grid_2", 1.7), ("grid_3", 1.7), ("palette_2", 2.1), ("palette_4", 2.4)])
def test_an_autoencoder_takes_no_more_than_twice_and_a_half_the_instructions(kernel: str, most: float) -> None:
    model = autoencoder(KERNELS[kernel])
    plain = counted(model, "off")[1]
    code, instructions = counted(model, "smallest")
    assert all(layer.coded and layer.coded[0].direct for layer in code.layers)
    assert f"ep_fully_connected_{kernel}_dsp" in used(code)
    assert plain < instructions <= most * plain
    assert sum(layer.predicted for layer in code.layers) == pytest.approx(instructions, rel=0.1)


def test_every_kernel_is_chosen_for_some_layer() -> None:
    found = {
        name
        for values in KERNELS.values()
        for cpu in CPUS
        for name in used(compile_model(read_model(autoencoder(values)), "m", cpu, coding="smallest"))
    }
    assert found == set(DENSE)


def test_the_table_names_it() -> None:
    table = coding_table(read_model(autoencoder(KERNELS["grid_2"])), "cortex-m4", coding="smallest")
    assert {row.code for row in table.rows if "weights" in row.what} == {"palette"}
    assert all(row.why.endswith("computed from its codes") for row in table.rows)
    assert table.totals.stored_bytes < 0.3 * table.totals.int8_bytes


def test_size_may_decode_where_that_is_smaller() -> None:
    """Ternary weights take 1.6 bits where they are decoded, 2 where they are computed with."""
    model = read_model(autoencoder([-127, 0, 0, 0, 0, 127]))
    small, fast = (compile_model(model, "net", "cortex-m4", optimize, coding="smallest") for optimize in ("size", "balanced"))
    assert all(layer.coded[0].direct for layer in fast.layers) and not all(layer.coded[0].direct for layer in small.layers)
    assert sum(layer.coded[0].coded_bytes for layer in small.layers) < sum(layer.coded[0].coded_bytes for layer in fast.layers)
