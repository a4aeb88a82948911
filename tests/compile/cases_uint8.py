"""uint8 at the edges of int8 models: QUANTIZE and DEQUANTIZE with uint8 on one side or both."""

from __future__ import annotations

import numpy as np

from tests.compile.builder import ModelBuilder
from tests.compile.cases import random_scale, random_zero


def _shape(rng: np.random.Generator) -> tuple[int, ...]:
    return (1, *(int(n) for n in rng.integers(1, 12, int(rng.integers(1, 4)))))


def edges(rng: np.random.Generator) -> bytes:
    """uint8 to int8, an operator, and back to uint8: as the converter writes it, and between any scales and zero points."""
    b = ModelBuilder()
    shape, scale, zero = _shape(rng), random_scale(rng), random_zero(rng)
    plain = rng.random() < 0.5
    x = b.tensor(shape, "uint8", scale=scale, zero_point=zero + 128 if plain else int(rng.integers(0, 256)))
    first = b.tensor(shape, scale=scale if plain else scale * float(rng.uniform(0.3, 3)), zero_point=zero)
    last_scale, last_zero = random_scale(rng), random_zero(rng)
    last = b.tensor(shape, scale=last_scale, zero_point=last_zero)
    y = b.tensor(
        shape,
        "uint8",
        scale=last_scale if plain else last_scale * float(rng.uniform(0.3, 3)),
        zero_point=last_zero + 128 if rng.random() < 0.7 else int(rng.integers(0, 256)),
    )
    b.operator("QUANTIZE", [x], [first], "QuantizeOptions", version=2)
    b.operator("RELU", [first], [last], version=2)
    b.operator("QUANTIZE", [last], [y], "QuantizeOptions", version=2)
    return b.finish([x], [y])


def rescaled(rng: np.random.Generator) -> bytes:
    """uint8 to another uint8 scale; of one scale, but not 128 apart, to int8 and back."""
    b = ModelBuilder()
    shape, scale = _shape(rng), random_scale(rng)
    x = b.tensor(shape, "uint8", scale=scale, zero_point=int(rng.integers(0, 256)))
    other = b.tensor(shape, "uint8", scale=scale * float(rng.uniform(0.01, 90)), zero_point=int(rng.integers(0, 256)))
    near = b.tensor(shape, scale=scale, zero_point=random_zero(rng))
    back = b.tensor(shape, "uint8", scale=scale, zero_point=int(rng.integers(0, 256)))
    for source, result in ((x, other), (x, near), (near, back)):
        b.operator("QUANTIZE", [source], [result], "QuantizeOptions", version=2)
    return b.finish([x], [other, back])


def floats(rng: np.random.Generator) -> bytes:
    """Float to uint8, and uint8 to float."""
    b = ModelBuilder()
    shape = _shape(rng)
    x, y = b.tensor(shape, "float32"), b.tensor(shape, "float32")
    q = b.tensor(shape, "uint8", scale=random_scale(rng), zero_point=int(rng.integers(0, 256)))
    b.operator("QUANTIZE", [x], [q], "QuantizeOptions")
    b.operator("DEQUANTIZE", [q], [y], "DequantizeOptions", version=2)
    return b.finish([x], [q, y])


CASES = {"uint8_edges": edges, "uint8_rescaled": rescaled, "uint8_floats": floats}
