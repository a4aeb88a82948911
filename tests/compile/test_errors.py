"""What cannot be compiled is refused with the operator, the Keras layer, the tensor and what to do; never a crash."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.compile.operators.table import OPERATORS
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import CompileError, EdgepackError, ProjectError
from tests.compile.builder import ModelBuilder
from tests.compile.networks import random_network

ROOT = Path(__file__).parents[2]


def refusal(model: bytes, cpu: str = "generic", optimize: str = "balanced") -> CompileError:
    with pytest.raises(CompileError) as caught:
        compile_model(read_model(model), "m", cpu, optimize)
    assert caught.value.hint
    return caught.value


def one_operator(name: str, options: str = "", dtype: str = "int8", **fields: object) -> bytes:
    b = ModelBuilder()
    x = b.tensor((1, 4), dtype, scale=0.1, name="net/dense_7/BiasAdd")
    y = b.tensor((1, 4), dtype, scale=0.1, name="net/lambda_3/Square")
    b.operator(name, [x], [y], options, **fields)
    return b.finish([x], [y])


def test_an_unknown_operator_is_named_with_its_layer_and_a_replacement() -> None:
    error = refusal(one_operator("SQUARE", "SquareOptions"))
    assert error.code == "EP-703"
    assert "SQUARE" in str(error) and "lambda_3" in str(error) and "net/lambda_3/Square" in str(error)
    assert "Multiply" in error.hint


def calls(names: tuple[str, str, str, str], constant: str = "arith.constant") -> str:
    """The refusal of the second of three operators, whose tensors have these names; its constant another."""
    b = ModelBuilder()
    x, first, second, third = (b.tensor((1, 4), scale=0.1, name=name) for name in names)
    b.operator("RELU", [x], [first])
    b.operator("POW", [first, b.constant(np.ones(4), "int8", scale=0.1, name=constant)], [second], "PowOptions")
    b.operator("RELU", [second], [third])
    error = refusal(b.finish([x], [third]))
    assert error.code == "EP-703"
    return str(error)


def test_names_of_calls_are_no_layers() -> None:
    inner = "StatefulPartitionedCall/model/dense_3/MatMul"
    first, second, third = "PartitionedCall_1", "StatefulPartitionedCall:0", "PartitionedCall:0"
    given = "serving_default_input_1:0"
    assert "in layer 'power' " in calls((given, first, second, third), "model/power/Const")
    assert "operator 1 of the file, after layer 'dense_3'" in calls((given, inner, second, third))
    assert "operator 1 of the file, before layer 'dense_3'" in calls((given, first, second, inner))
    assert "POW (operator 1 of the file; tensor 'StatefulPartitionedCall:0')" in calls((given, first, second, third))
    assert all("layer 'P" not in calls((given, *names)) for names in ((first, second, third), (second, third, first)))


def test_a_float_model_is_told_to_quantize() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "float32"), b.tensor((1, 4), "float32")
    b.operator("SOFTMAX", [x], [y], "SoftmaxOptions", beta=1.0)
    error = refusal(b.finish([x], [y]))
    assert error.code == "EP-704"
    assert "float32" in str(error) and "Quantize" in error.hint


def test_unknown_cpu_and_optimize() -> None:
    for settings in ({"cpu": "z80"}, {"optimize": "fastest"}):
        with pytest.raises(ProjectError) as caught:
            compile_model(read_model(random_network(1)), "m", **settings)
        assert (caught.value.code, caught.value.exit_code) == ("EP-702", 2)


def test_a_shape_that_contradicts_the_operator_is_refused() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4), scale=0.1)
    y = b.tensor((1, 5), scale=1 / 256, zero_point=-128)
    b.operator("SOFTMAX", [x], [y], "SoftmaxOptions", beta=1.0)
    assert refusal(b.finish([x], [y])).code == "EP-705"


def test_a_dynamic_dimension_other_than_the_batch_is_refused() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, -1), scale=0.1), b.tensor((1, -1), scale=0.1)
    b.operator("RELU", [x], [y])
    with pytest.raises(EdgepackError):
        compile_model(read_model(b.finish([x], [y])), "m")


def test_a_convolution_of_computed_weights_is_refused() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4, 4, 2), scale=0.1)
    w = b.tensor((3, 1, 1, 2), scale=0.1)
    bias = b.constant(np.zeros(3), "int32", scale=0.01)
    y = b.tensor((1, 4, 4, 3), scale=0.1)
    b.operator("CONV_2D", [x, w, bias], [y], "Conv2DOptions", padding="SAME", strideH=1, strideW=1)
    error = refusal(b.finish([x, w], [y]))
    assert error.code == "EP-704" and "computed" in str(error)


def test_the_guide_lists_every_operator() -> None:
    guide = (ROOT / "docs" / "guides" / "c-code.md").read_text()
    names = set(OPERATORS) - {"COPY", "FLOAT_TABLE"}  # these are the compiler's own
    assert {name for name in names if name not in guide} == set()


@pytest.mark.parametrize("seed", range(8))
def test_damaged_files_are_refused_or_compiled_but_never_crash(seed: int) -> None:
    rng = np.random.default_rng(seed)
    original = random_network(3000 + seed)
    for _ in range(120):
        damaged = bytearray(original)
        for _ in range(int(rng.integers(1, 4))):
            position = int(rng.integers(len(damaged)))
            damaged[position] = int(rng.integers(256)) if rng.random() < 0.5 else int(rng.choice([0, 1, 0x7F, 0x80, 0xFF]))
        with contextlib.suppress(EdgepackError):
            compile_model(read_model(bytes(damaged)), "m", "cortex-m4")
