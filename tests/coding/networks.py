"""A small convolutional network that is worth coding: weights as pruning or clustering leaves them."""

from __future__ import annotations

import numpy as np

from tests.compile.builder import ModelBuilder
from tests.compile.structured import values_of

CHANNELS, FILTERS, SIDE = 16, 32, 12


def convolution(kind: str) -> bytes:
    """A 3x3 convolution of 4,608 weights of a kind (tests/compile/structured.py)."""
    rng = np.random.default_rng(3)
    builder = ModelBuilder()
    x = builder.tensor((1, SIDE, SIDE, CHANNELS), scale=0.05)
    values = values_of(kind, rng.integers(-127, 128, FILTERS * 9 * CHANNELS).astype(np.int8), rng)
    w = builder.tensor((FILTERS, 3, 3, CHANNELS), scale=0.02, data=values.reshape(FILTERS, 3, 3, CHANNELS))
    b = builder.tensor((FILTERS,), "int32", scale=0.001, data=np.zeros(FILTERS, np.int32))
    y = builder.tensor((1, SIDE, SIDE, FILTERS), scale=4.0)
    builder.operator("CONV_2D", [x, w, b], [y], "Conv2DOptions", strideH=1, strideW=1, padding="SAME")
    return builder.finish([x], [y])
