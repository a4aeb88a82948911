"""Accumulators at every rounding boundary: multipliers must be right to the last bit, however seldom it shows.

A multiplier off by one unit in 2^31 moves a boundary by less than one accumulator step; random data almost never meets it.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.compile.builder import ModelBuilder
from tests.compile.harness import Case, assert_exact

OPTIONS = {
    "FULLY_CONNECTED": ("FullyConnectedOptions", {}),
    "CONV_2D": ("Conv2DOptions", {"padding": "SAME", "strideH": 1, "strideW": 1}),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", {"padding": "SAME", "strideH": 1, "strideW": 1, "depthMultiplier": 1}),
}


def at_the_boundaries(operator: str, seed: int) -> bytes:
    """Weights of zero, and biases up to 2^29 around the values where the output steps."""
    rng, b, channels = np.random.default_rng(seed), ModelBuilder(), 800
    in_scale, weight_scale = (float(np.float32(rng.uniform(0.1, 1) * top)) for top in (0.1, 0.01))
    out_scale = float(np.float32(in_scale * weight_scale * 2**29 / 127 * rng.uniform(0.5, 1)))
    steps = (rng.integers(-125, 125, channels) + 0.5) * out_scale / (in_scale * weight_scale)
    bias = np.floor(steps).astype(np.int64) + rng.integers(-2, 3, channels)
    in_shape, out_shape, weights_shape, axis = {
        "FULLY_CONNECTED": ((1, 1), (1, channels), (channels, 1), 0),
        "CONV_2D": ((1, 1, 1, 1), (1, 1, 1, channels), (channels, 1, 1, 1), 0),
        "DEPTHWISE_CONV_2D": ((1, 1, 1, channels), (1, 1, 1, channels), (1, 1, 1, channels), 3),
    }[operator]
    x = b.tensor(in_shape, scale=in_scale)
    w = b.constant(np.zeros(weights_shape), "int8", scale=weight_scale, axis=axis)
    constant = b.constant(bias, "int32", scale=np.float32(in_scale) * np.float32(weight_scale))
    y = b.tensor(out_shape, scale=out_scale)
    table, fields = OPTIONS[operator]
    b.operator(operator, [x, w, constant], [y], table, version=3, **fields)
    return b.finish([x], [y])


@pytest.mark.parametrize("operator", sorted(OPTIONS))
def test_every_output_step_is_where_the_reference_has_it(operator: str) -> None:
    assert_exact([Case(f"{operator} {seed}", at_the_boundaries(operator, seed)) for seed in range(12)], count=1)


def test_multiplication_scales_are_combined_in_float32() -> None:
    """Products whose result differs if scales are multiplied or divided in double precision."""
    found = [
        (0.05992251634597778, 0.006235907319933176, 0.04125490039587021, 53, 226),
        (0.0033291575964540243, 0.016650214791297913, 0.010294010862708092, 90, 228),
        (0.010837814770638943, 0.024795040488243103, 0.05715290084481239, 55, 203),
        (0.010502790100872517, 0.02491290308535099, 0.05378685146570206, 46, 248),
        (0.04824700951576233, 0.02075806073844433, 0.26433706283569336, 166, 190),
    ]
    cases = []
    for index, (first, second, out, a, c) in enumerate(found):
        b = ModelBuilder()
        x = b.constant(np.array([[a - 128]]), "int8", scale=first, zero_point=-128)
        y = b.constant(np.array([[c - 128]]), "int8", scale=second, zero_point=-128)
        z = b.tensor((1, 1), scale=out)
        b.operator("MUL", [x, y], [z], "MulOptions", version=2)
        relay = b.tensor((1, 1), scale=out)
        total = b.tensor((1, 1), scale=out * 2)
        b.operator("ADD", [relay, z], [total], "AddOptions", version=2)
        cases.append(Case(f"mul {index}", b.finish([relay], [z, total])))
    assert_exact(cases)
