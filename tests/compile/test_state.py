"""State lives in the caller's arena: many inferences in a row, reset, no needless copies, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import CompileError
from tests.compile import cases_recurrent, cases_state
from tests.compile.builder import ModelBuilder
from tests.compile.cases_state import Variables
from tests.compile.harness import Case, assert_exact, compare, inputs_for
from tests.compile.host import build
from tests.compile.reference import run_reference

MAKERS = {**cases_state.CASES, **cases_recurrent.CASES}
ENGINES = {**cases_state.ENGINES, **cases_recurrent.ENGINES}


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_many_inferences_in_a_row(name: str) -> None:
    engine = ENGINES.get(name, "tflite-ref")
    cases = [Case(f"{name} seed {seed}", MAKERS[name](np.random.default_rng(seed)), engine) for seed in range(500, 508)]
    assert_exact(cases, cpus=("generic",), count=25)


@pytest.mark.parametrize("name", ["state_stream", "svdf", "lstm"])
def test_reset_starts_again(name: str) -> None:
    data = MAKERS[name](np.random.default_rng(3))
    model = read_model(data)
    host = build([compile_model(model, "m")])[0]
    sets = inputs_for(model, 6, 1)
    expected = run_reference(data, sets)
    for _ in range(2):
        for inputs, outputs in zip(sets, expected, strict=True):
            assert not compare(host.run(inputs), outputs)
        host.reset()


def test_a_streaming_buffer_is_read_and_written_without_copies() -> None:
    code = compile_model(read_model(cases_state.stream(np.random.default_rng(1))), "m")
    assert [layer.kernel for layer in code.layers] == ["ep_copy_rows", "ep_copy_rows", "ep_copy_strided", "ep_average_pool"]
    assert "void m_reset(void *arena);" in code.files["m.h"]


def test_a_value_read_and_used_after_an_assignment_is_copied() -> None:
    b = ModelBuilder()
    variables = Variables(b)
    x, y = b.tensor((1, 4), scale=0.1), b.tensor((1, 4), scale=0.2)
    old = variables.read("v", (1, 4), "int8", scale=0.1)
    variables.assign("v", x)
    b.operator("ADD", [old, x], [y], "AddOptions", version=2)
    model = variables.finish([x], [y])
    code = compile_model(read_model(model), "m")
    assert [layer.kernel for layer in code.layers] == ["ep_copy", "ep_copy", "ep_add"]
    assert_exact([Case("late use", model, "tflite-micro")], count=5)


def refusal(model: bytes) -> CompileError:
    with pytest.raises(CompileError) as caught:
        compile_model(read_model(model), "m")
    assert caught.value.hint
    return caught.value


def test_a_computed_initial_state_is_refused_by_name() -> None:
    b = ModelBuilder()
    variables = Variables(b)
    variables.start({})
    x, y = b.tensor((1, 4), scale=0.1), b.tensor((1, 4), scale=0.2)
    old = variables.read("v", (1, 4), "int8", scale=0.1)
    b.operator("ADD", [old, x], [y], "AddOptions", version=2)
    main = b.subgraph([x], [y])
    start = b.constant(np.ones((1, 4)), "int8", scale=0.1)
    computed = b.tensor((1, 4), scale=0.1, name="net/warm_up/Relu")
    b.operator("RELU", [start], [computed], version=2)
    variables.assign("v", computed)
    error = refusal(b.finish_with([main, b.subgraph([], [], "initialise")]))
    assert error.code == "EP-704" and "warm_up" in str(error) and "RELU" in str(error) and "constant" in error.hint


def test_a_variable_of_two_sizes_is_refused() -> None:
    b = ModelBuilder()
    variables = Variables(b)
    x, y = b.tensor((1, 4), scale=0.1), b.tensor((1, 3), scale=0.1)
    variables.assign("v", x)
    old = variables.read("v", (1, 3), "int8", scale=0.1)
    b.operator("RELU", [old], [y], version=2)
    assert refusal(variables.finish([x], [y])).code == "EP-705"


@pytest.mark.parametrize("index, word", [(9, "peepholes"), (16, "projection"), (20, "layer normalization")])
def test_extended_lstms_are_refused_by_name(index: int, word: str) -> None:
    b = ModelBuilder()
    x = b.tensor((1, 2, 3), scale=0.1)
    y = b.tensor((1, 2, 4), scale=0.1, name="net/lstm_2/out")
    inputs = [x] + [-1] * 23
    inputs[18] = b.tensor((1, 4), scale=0.1, variable=True)
    inputs[19] = b.tensor((1, 4), "int16", scale=2.0**-12, variable=True)
    inputs[index] = b.constant(np.ones(4), "int16", scale=0.1)
    b.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], "UnidirectionalSequenceLSTMOptions", fusedActivationFunction=4)
    error = refusal(b.finish([x], [y]))
    assert error.code == "EP-704" and word in str(error) and "lstm_2" in str(error) and "LSTM" in error.hint


def test_int16_with_a_zero_point_is_refused() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "int16", scale=0.1, zero_point=5), b.tensor((1, 4), "int16", scale=1 / 32768)
    b.operator("TANH", [x], [y])
    error = refusal(b.finish([x], [y]))
    assert error.code == "EP-704" and "zero point 5" in str(error)
