"""Unary operators equal the reference for each of the 256 inputs, over many scales."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from tests.compile.builder import ModelBuilder
from tests.compile.host import build
from tests.compile.reference import run_reference

EVERY = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)
OPERATORS = {
    "LEAKY_RELU": ("LeakyReluOptions", 2),
    "TANH": ("", 2),
    "LOGISTIC": ("", 2),
    "HARD_SWISH": ("", 1),
    "ABS": ("", 1),
    "RSQRT": ("", 1),
    "SQRT": ("", 2),
    "LOG": ("", 2),
    "GELU": ("GeluOptions", 2),
    "ELU": ("", 1),
    "NEG": ("NegOptions", 1),
    "RELU_0_TO_1": ("", 1),
}
ENGINES = {"SQRT": "litert-ref", "LOG": "litert-ref", "NEG": "litert-ref", "ELU": "tflite-micro"}
POSITIVE = ("RSQRT", "SQRT")  # the only elements that the reference takes


def model(name: str, rng: np.random.Generator) -> bytes:
    options, version = OPERATORS[name]
    b = ModelBuilder()
    scale = float(np.exp(rng.uniform(np.log(0.001), np.log(1))))
    zero = -128 if name in POSITIVE else int(rng.integers(-128, 128))
    out_scale, out_zero = scale * float(np.exp(rng.uniform(-1.5, 1.5))), int(rng.integers(-128, 128))
    if name == "RSQRT":
        out_scale = float(np.exp(rng.uniform(-1.5, 1.5)) / np.sqrt(scale) / 128)
    elif name == "SQRT":
        out_scale = float(np.sqrt(scale * 255) / 255 * np.exp(rng.uniform(-1, 1)))
    elif name == "LOG":
        out_scale = float(rng.uniform(0.01, 0.1))
    elif name == "NEG":
        zero, out_scale, out_zero = 0, scale, 0
    elif name == "TANH":
        out_scale, out_zero = 1 / 128, 0
    elif name == "LOGISTIC":
        out_scale, out_zero = 1 / 256, -128
    x = b.tensor((1, 256), scale=scale, zero_point=zero)
    y = b.tensor((1, 256), scale=out_scale, zero_point=out_zero)
    fields: dict[str, object] = {}
    if name == "LEAKY_RELU":
        fields["alpha"] = float(rng.uniform(-0.5, 1.5))
    elif name == "GELU":
        fields["approximate"] = bool(rng.random() < 0.5)
    b.operator(name, [x], [y], options, version=version, **fields)
    return b.finish([x], [y])


@pytest.mark.parametrize("name", OPERATORS)
def test_every_input_at_many_scales(name: str) -> None:
    rng = np.random.default_rng(7)
    models = [model(name, rng) for _ in range(150)]
    hosts = build([compile_model(read_model(data), f"m{i}") for i, data in enumerate(models)])
    for index, (data, host) in enumerate(zip(models, hosts, strict=True)):
        expected = run_reference(data, [(EVERY,)], ENGINES.get(name, "tflite-ref"))[0][0]
        np.testing.assert_array_equal(host.run([EVERY])[0], expected, err_msg=f"model {index}")
