"""SVDF and UNIDIRECTIONAL_SEQUENCE_LSTM with their state, over several inferences."""

from __future__ import annotations

import numpy as np

from tests.compile.builder import ModelBuilder
from tests.compile.cases import random_scale, random_zero


def svdf(rng: np.random.Generator, dtype: str = "int16") -> bytes:
    """SVDF of any size and rank, with or without a bias."""
    b = ModelBuilder()
    batches, in_size, units = int(rng.choice([1, 1, 2])), int(rng.integers(1, 80)), int(rng.integers(1, 20))
    rank, memory = int(rng.integers(1, 4)), int(rng.integers(1, 12))
    filters = units * rank
    in_scale, feature_scale, time_scale = random_scale(rng), random_scale(rng) / 10, random_scale(rng) / 10
    wide = dtype == "int16"
    state_scale = in_scale * feature_scale * 73 * 73 * np.sqrt(in_size) * float(rng.uniform(0.5, 4)) / (32768 if wide else 128)
    top = 32767 if wide else 127
    x = b.tensor((batches, in_size), scale=in_scale, zero_point=random_zero(rng))
    feature = b.constant(rng.integers(-127, 128, (filters, in_size)), "int8", scale=feature_scale)
    time = b.constant(rng.integers(-top // 4, top // 4 + 1, (filters, memory)), dtype, scale=time_scale / top)
    bias = b.constant(rng.integers(-9000, 9000, units), "int32", scale=np.float32(state_scale) * np.float32(time_scale / top))
    state = b.tensor((batches, memory * filters), dtype, scale=state_scale, zero_point=0, variable=True)
    typical = state_scale * time_scale / top * (9000 * 4000 if wide else 40 * 16) * np.sqrt(memory * rank)
    y = b.tensor((batches, units), scale=typical * float(rng.uniform(0.5, 3)) / 128, zero_point=random_zero(rng))
    b.operator("SVDF", [x, feature, time, bias, state], [y], "SVDFOptions", version=3, rank=rank, fusedActivationFunction="RELU")
    return b.finish([x], [y])


def lstm(rng: np.random.Generator) -> bytes:
    """UNIDIRECTIONAL_SEQUENCE_LSTM of any size, time major or not, with coupled gates, clipped or not."""
    b = ModelBuilder()
    steps, in_size, cells = int(rng.integers(1, 8)), int(rng.integers(1, 40)), int(rng.integers(1, 30))
    time_major, coupled = bool(rng.random() < 0.3), bool(rng.random() < 0.25)
    in_scale, hidden_scale = random_scale(rng), float(np.float32(rng.uniform(1, 2.2) / 256))
    hidden_zero, state_scale = int(rng.integers(-30, 30)), float(2.0 ** rng.integers(-15, -8))
    shape = (steps, 1) if time_major else (1, steps)
    x = b.tensor((*shape, in_size), scale=in_scale, zero_point=random_zero(rng))
    inputs = [x] + [-1] * 23
    for gate in range(1 if coupled else 0, 4):
        in_weight = float(rng.uniform(0.3, 3)) / (in_scale * 73 * 73 * np.sqrt(in_size))
        back_weight = float(rng.uniform(0.3, 3)) / (hidden_scale * 73 * 73 * np.sqrt(cells))
        bias_scale = np.float32(in_weight) * np.float32(in_scale)
        inputs[1 + gate] = b.constant(rng.integers(-127, 128, (cells, in_size)), "int8", scale=in_weight)
        inputs[5 + gate] = b.constant(rng.integers(-127, 128, (cells, cells)), "int8", scale=back_weight)
        inputs[12 + gate] = b.constant(rng.integers(-5000, 5000, cells), "int32", scale=bias_scale)
    inputs[18] = b.tensor((1, cells), scale=hidden_scale, zero_point=hidden_zero, variable=True)
    inputs[19] = b.tensor((1, cells), "int16", scale=state_scale, zero_point=0, variable=True)
    intermediates = [b.tensor((0,), "int16", scale=2.0**-12) for _ in range(4)]
    intermediates.append(b.tensor((0,), scale=hidden_scale, zero_point=hidden_zero))
    y = b.tensor((*shape, cells), scale=hidden_scale, zero_point=hidden_zero)
    b.operator(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        inputs,
        [y],
        "UnidirectionalSequenceLSTMOptions",
        version=3,
        intermediates=intermediates,
        fusedActivationFunction=4,
        timeMajor=time_major,
        cellClip=float(rng.choice([0.0, 10.0, 0.3])),
    )
    return b.finish([x], [y])


CASES = {"svdf": svdf, "svdf_int8_state": lambda rng: svdf(rng, "int8"), "lstm": lstm}
ENGINES = {"svdf_int8_state": "tflite-micro"}
