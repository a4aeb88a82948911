"""int4 weights are unpacked by the compiler, and give the bits of the runtimes that unpack them themselves."""

from __future__ import annotations

import numpy as np
import pytest

from tests.compile.harness import Case, assert_exact
from tests.flatbuffer.build import G, O, T, build


def packed(weights: np.ndarray) -> bytes:
    """Two values a byte, the first in the lower half."""
    flat = [int(value) & 15 for value in weights.reshape(-1)]
    flat += [0] * (len(flat) % 2)
    return bytes(low | high << 4 for low, high in zip(flat[::2], flat[1::2], strict=True))


def dense(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    size, units = int(rng.integers(1, 40)), int(rng.integers(1, 12))
    tensors = [
        T("x", (1, size), scales=[0.05], zero_points=[int(rng.integers(-128, 128))]),
        T("dense/weights", (units, size), "INT4", raw=packed(rng.integers(-7, 8, (units, size))), scales=[0.1]),
        T("dense/bias", (units,), "INT32", data=rng.integers(-500, 500, units), scales=[0.005]),
        T("y", (1, units), scales=[0.3]),
    ]
    return build(G(tensors, [O("FULLY_CONNECTED", (0, 1, 2), (3,), "FullyConnectedOptions", {}, version=9)], (0,), (3,)))


def conv(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    channels, filters = int(rng.integers(1, 6)), int(rng.integers(1, 9))
    shape = (filters, 3, 3, channels)
    scales = [float(scale) for scale in rng.uniform(0.05, 0.1, filters)]
    tensors = [
        T("x", (1, 6, 6, channels), scales=[0.05], zero_points=[int(rng.integers(-128, 128))]),
        T("conv/weights", shape, "INT4", raw=packed(rng.integers(-7, 8, shape)), scales=scales),
        T("conv/bias", (filters,), "INT32", data=rng.integers(-500, 500, filters), scales=[0.05 * scale for scale in scales]),
        T("y", (1, 4, 4, filters), scales=[0.3]),
    ]
    options = {"Padding": 1, "StrideW": 1, "StrideH": 1}
    return build(G(tensors, [O("CONV_2D", (0, 1, 2), (3,), "Conv2DOptions", options, version=6)], (0,), (3,)))


@pytest.mark.parametrize("make", [dense, conv])
def test_int4_weights_give_the_bits_of_tflite_micro(make) -> None:  # type: ignore[no-untyped-def]
    assert_exact([Case(f"{make.__name__} seed {seed}", make(seed), "tflite-micro") for seed in range(10)])
