"""Float functions of one int8 tensor, and what moves or normalises whole tensors."""

from __future__ import annotations

import numpy as np

from tests.compile.builder import ModelBuilder
from tests.compile.cases import random_scale, random_zero

FUNCTIONS = ("NEG", "ABS", "FLOOR", "SQUARE", "SIN", "COS", "EXP", "RELU", "RELU6")
ONLY_MICRO = ("CEIL", "ROUND", "ELU")  # tflite-runtime 2.14 has no reference kernel of these


def function(rng: np.random.Generator, names: tuple[str, ...] = FUNCTIONS) -> bytes:
    """DEQUANTIZE, one or two float operators, QUANTIZE, on an input that the model computes."""
    b, shape = ModelBuilder(), (1, int(rng.integers(1, 300)))
    scale = float(rng.uniform(0.002, 0.05))
    x, q = (
        b.tensor(shape, scale=scale * 2, zero_point=random_zero(rng)),
        b.tensor(shape, scale=scale, zero_point=random_zero(rng)),
    )
    b.operator("RELU", [x], [q], version=2)
    value = b.tensor(shape, "float32")
    b.operator("DEQUANTIZE", [q], [value], "DequantizeOptions", version=2)
    for name in rng.choice(names, int(rng.integers(1, 3))):
        result = b.tensor(shape, "float32")
        b.operator(str(name), [value], [result], version=1)
        value = result
    y = b.tensor(shape, scale=float(rng.uniform(0.004, 0.04)), zero_point=random_zero(rng))
    b.operator("QUANTIZE", [value], [y], "QuantizeOptions", version=1)
    return b.finish([x], [y])


def exp(rng: np.random.Generator) -> bytes:
    """EXP of int8."""
    b, shape = ModelBuilder(), (1, int(rng.integers(1, 300)))
    x = b.tensor(shape, scale=float(rng.uniform(0.002, 0.05)), zero_point=random_zero(rng))
    y = b.tensor(shape, scale=float(rng.uniform(0.004, 0.1)), zero_point=-128)
    b.operator("EXP", [x], [y], "ExpOptions", version=2)
    return b.finish([x], [y])


def _shape(rng: np.random.Generator) -> list[int]:
    return [int(n) for n in rng.integers(1, 7, int(rng.integers(1, 5)))]


def reverse(rng: np.random.Generator) -> bytes:
    """REVERSE_V2 along one axis, as a bidirectional layer does."""
    b, shape = ModelBuilder(), _shape(rng)
    kind = {"scale": random_scale(rng), "zero_point": random_zero(rng)}
    x, y = b.tensor(shape, **kind), b.tensor(shape, **kind)
    b.operator("REVERSE_V2", [x, b.constant(np.array([int(rng.integers(0, len(shape)))]))], [y], "ReverseV2Options", version=3)
    return b.finish([x], [y])


def broadcast_to(rng: np.random.Generator) -> bytes:
    """BROADCAST_TO of some axes, to more dimensions."""
    b, shape = ModelBuilder(), _shape(rng)
    small = [1 if rng.random() < 0.5 else n for n in shape][int(rng.integers(0, len(shape))) :]
    kind = {"scale": random_scale(rng), "zero_point": random_zero(rng)}
    x, y = b.tensor(small, **kind), b.tensor(shape, **kind)
    b.operator("BROADCAST_TO", [x, b.constant(np.array(shape))], [y], "BroadcastToOptions", version=2)
    return b.finish([x], [y])


def l2_normalization(rng: np.random.Generator) -> bytes:
    """L2_NORMALIZATION of rows of any length."""
    b = ModelBuilder()
    shape = (int(rng.integers(1, 4)), int(rng.choice([1, 2, 8, 64, 700])))
    x = b.tensor(shape, scale=random_scale(rng), zero_point=int(rng.integers(-128, 128)))
    y = b.tensor(shape, scale=1 / 128, zero_point=0)
    b.operator("L2_NORMALIZATION", [x], [y], "L2NormOptions", version=2)
    return b.finish([x], [y])


CASES = {
    "float_table": function,
    "float_table_micro": lambda rng: function(rng, ONLY_MICRO),
    "exp": exp,
    "reverse": reverse,
    "broadcast_to": broadcast_to,
    "l2_normalization": l2_normalization,
}
ENGINES = {"reverse": "tflite-micro", "float_table_micro": "tflite-micro"}
