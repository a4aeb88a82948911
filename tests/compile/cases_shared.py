"""Layers that have the same weights, as unrolled recurrent ones do."""

from __future__ import annotations

import numpy as np

from tests.compile.builder import ModelBuilder
from tests.compile.cases import filter_scales, output_scale


def steps(count: int, inputs: int, outputs: int, copies: bool = False, zero_point: int | None = None) -> bytes:
    """One matrix times the `count` rows of an input, each to its own scale and zero point.

    `copies`: a tensor for every step. `zero_point` is that of every row; else each has its own.
    """
    b, rng = ModelBuilder(), np.random.default_rng(inputs * outputs)
    zeros = rng.integers(-128, 128, count) if zero_point is None else np.full(count, zero_point)
    rows = [b.tensor((1, inputs), scale=0.02, zero_point=int(zero)) for zero in zeros]
    scales = filter_scales(rng, outputs, True)
    weights = rng.integers(-127, 128, (outputs, inputs))
    ends = []
    for row in rows:
        if not ends or copies:
            w = b.constant(weights, "int8", scale=scales)
        out_scale = output_scale(rng, 0.02, scales, inputs)
        ends.append(b.tensor((1, outputs), scale=out_scale, zero_point=int(rng.choice([-128, 0, 20]))))
        b.operator("FULLY_CONNECTED", [row, w, -1], ends[-1:], "FullyConnectedOptions", version=5)
    return b.finish(rows, ends)


CASES = {"shared_matrix": lambda rng: steps(3, int(rng.integers(24, 90)), int(rng.integers(8, 70)))}
