"""Requantisation by any factor, from far below one to far above: no shift by a negative or too large count."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import CompileError
from tests.compile.builder import ModelBuilder
from tests.compile.harness import inputs_for
from tests.compile.reference import run_reference
from tests.compile.sanitized import program

FLAGS = ["-O0", "-g", "-fsanitize=shift", "-fno-sanitize-recover=all", "-std=c99"]
EXPONENTS = range(-20, 13)
"""Of the powers of two that a sum of products is multiplied by; the converter gives up to 2^9 to layers whose terms cancel."""


def layer(name: str, exponent: int, zero: int) -> bytes:
    """A layer with weights whose requantisation factors lie around 2^exponent."""
    b = ModelBuilder()
    rng = np.random.default_rng(exponent + 100)
    channels = 6
    shape = {"FULLY_CONNECTED": (channels, 16), "CONV_2D": (channels, 2, 2, 3), "DEPTHWISE_CONV_2D": (1, 3, 3, channels)}[name]
    scales = 2.0**exponent * np.exp(rng.uniform(-1, 1, channels))
    source = {"FULLY_CONNECTED": (1, 16), "CONV_2D": (1, 4, 4, 3), "DEPTHWISE_CONV_2D": (1, 5, 5, channels)}[name]
    x = b.tensor(source, scale=0.5, zero_point=int(rng.integers(-128, 128)))
    w = b.constant(rng.integers(-127, 128, shape), "int8", scale=scales, axis=3 if name == "DEPTHWISE_CONV_2D" else 0)
    bias = b.constant(rng.integers(-300, 300, channels), "int32", scale=scales * 0.5)
    y = b.tensor((1, channels) if name == "FULLY_CONNECTED" else (1, 3, 3, channels), scale=0.5, zero_point=zero)
    options = {} if name == "FULLY_CONNECTED" else {"padding": "VALID", "strideH": 1, "strideW": 1}
    if name == "DEPTHWISE_CONV_2D":
        options["depthMultiplier"] = 1
    table = {"FULLY_CONNECTED": "FullyConnectedOptions", "CONV_2D": "Conv2DOptions"}.get(name, "DepthwiseConv2DOptions")
    b.operator(name, [x, w, bias], [y], table, version=4 if name == "FULLY_CONNECTED" else 3, **options)
    return b.finish([x], [y])


def mean(exponent: int) -> bytes:
    b = ModelBuilder()
    x, y = b.tensor((1, 3, 3, 4), scale=2.0**exponent, zero_point=5), b.tensor((1, 4), scale=1.0, zero_point=-3)
    b.operator("MEAN", [x, b.constant(np.array([1, 2]))], [y], "ReducerOptions", version=2)
    return b.finish([x], [y])


@pytest.mark.parametrize("cpu", ["generic", "cortex-m4"])
def test_every_factor_gives_the_references_bits_without_a_shift_out_of_range(tmp_path: Path, cpu: str) -> None:
    names = ("FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D")
    models = [layer(name, exponent, zero) for name in names for exponent in EXPONENTS for zero in (-128, 9)]
    models += [mean(exponent) for exponent in range(-30, 24)]
    codes = [compile_model(read_model(model), f"m{i}", cpu) for i, model in enumerate(models)]
    for code in codes:
        for name, text in code.files.items():
            (tmp_path / name).write_text(text)
    (tmp_path / "main.c").write_text("#define _POSIX_C_SOURCE 200112L\n" + program(codes))
    subprocess.run(["gcc", *FLAGS, str(tmp_path / "main.c"), "-o", str(tmp_path / "main")], check=True)
    sets = [inputs_for(read_model(model), 1, 3) for model in models]
    done = subprocess.run(
        [tmp_path / "main"], input=b"".join(array.tobytes() for each in sets for array in each[0]), capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()[:2000]
    at = 0
    for number, (model, each) in enumerate(zip(models, sets, strict=True)):
        for output in run_reference(model, each)[0]:
            assert done.stdout[at : at + output.nbytes] == output.tobytes(), f"model {number}"
            at += output.nbytes
    assert at == len(done.stdout)


def test_a_mean_of_scales_beyond_what_can_be_shifted_is_refused() -> None:
    with pytest.raises(CompileError, match="output scale much smaller"):
        compile_model(read_model(mean(35)), "m")
