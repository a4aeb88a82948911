"""Comparisons of int8, logic on their results, and the choice between two tensors by them."""

from __future__ import annotations

import numpy as np

from tests.compile.builder import ModelBuilder
from tests.compile.cases import random_zero

RELATIONS = ("LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL", "EQUAL", "NOT_EQUAL")


def choose(rng: np.random.Generator, version_2: bool) -> bytes:
    """Two comparisons, joined, choose between two tensors; SELECT_V2 also broadcasts."""
    b = ModelBuilder()
    shape = tuple(int(n) for n in rng.integers(1, 7, int(rng.integers(1, 5))))
    small = tuple(1 if rng.random() < 0.5 else n for n in shape)
    scales = [float(np.float32(scale)) for scale in rng.uniform(0.001, 0.9, 3)]
    x, y, z = (
        b.tensor(extents, scale=scale, zero_point=random_zero(rng))
        for extents, scale in zip((shape, small, shape), scales, strict=True)
    )
    kind = {"scale": 0.1, "zero_point": 3}
    first, second = b.tensor(shape, **kind), b.tensor(small if version_2 else shape, **kind)
    results = [b.tensor(shape, "bool") for _ in range(3)]
    for operands, result in (([x, y], results[0]), ([z, x], results[1])):
        b.operator(str(rng.choice(RELATIONS)), operands, [result], version=2)
    b.operator(str(rng.choice(["LOGICAL_AND", "LOGICAL_OR"])), results[:2], [results[2]])
    out = b.tensor(shape, **kind)
    b.operator("SELECT_V2" if version_2 else "SELECT", [results[2], first, second], [out], version=1)
    return b.finish([x, y, z, first, second], [out, results[0]])


CASES = {"select": lambda rng: choose(rng, False), "select_v2": lambda rng: choose(rng, True)}
