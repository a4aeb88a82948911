"""Tables that are straight lines are computed: the same results for every input, and 256 bytes less."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.compile.operators.shared.straight_line import SHIFT, straight_line
from edgepack.flatbuffer import read_model
from tests.compile.builder import ModelBuilder
from tests.compile.test_coded import CPUS, differing


def rescaling(seed: int, size: int = 256) -> bytes:
    """A QUANTIZE from one int8 scale to another, of every input."""
    rng, b = np.random.default_rng(seed), ModelBuilder()
    x = b.tensor((1, size), scale=0.05, zero_point=int(rng.integers(-128, 128)))
    y = b.tensor((1, size), scale=float(0.05 * np.exp(rng.uniform(-1, 3))), zero_point=int(rng.integers(-128, 128)))
    b.operator("QUANTIZE", [x], [y], "QuantizeOptions")
    return b.finish([x], [y])


def rectified(seed: int, name: str) -> bytes:
    rng, b = np.random.default_rng(seed), ModelBuilder()
    x = b.tensor((1, 256), scale=0.05, zero_point=int(rng.integers(-128, 128)))
    y = b.tensor((1, 256), scale=float(0.05 * np.exp(rng.uniform(-1, 2))), zero_point=int(rng.integers(-128, 0)))
    b.operator(name, [x], [y])
    return b.finish([x], [y])


@pytest.mark.parametrize("cpu", CPUS)
def test_lines_equal_the_reference(cpu: str) -> None:
    models = {f"quantize {seed}": rescaling(seed) for seed in range(24)}
    models |= {f"{name} {seed}": rectified(seed, name) for seed in range(8) for name in ("RELU", "RELU6")}
    codes = {key: compile_model(read_model(model), f"m{i}", cpu) for i, (key, model) in enumerate(models.items())}
    assert sum("ep_line" in code.kernels for code in codes.values()) > 20
    assert differing(models, codes) == []


def test_every_result_is_the_tables() -> None:
    rng, found = np.random.default_rng(3), 0
    x = np.arange(-128, 128)
    for _ in range(100):
        y = np.floor(x * np.exp(rng.uniform(-3, 2)) + rng.uniform(-200, 200)).clip(-128, 127).clip(rng.integers(-128, -60))
        line = straight_line(y.astype(np.int8).tobytes())
        if line is not None:
            found += 1
            assert (((x * line[0] + line[1]) >> SHIFT).clip(y.min(), y.max()) == y).all()
    assert found > 60


@pytest.mark.parametrize("results", [np.zeros(256), np.abs(np.arange(-128, 128)).clip(0, 127), np.arange(-128, 128) ** 2 // 256])
def test_what_is_no_line_stays_a_table(results: np.ndarray) -> None:
    assert straight_line(results.astype(np.int8).tobytes()) is None


def test_many_elements_take_the_table() -> None:
    models = [{size: read_model(rescaling(seed, size)) for size in (64, 4096)} for seed in range(12)]
    taken = [{size: "ep_line" in compile_model(model, "m").kernels for size, model in each.items()} for each in models]
    assert any(each[64] for each in taken) and not any(each[4096] for each in taken)
