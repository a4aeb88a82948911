"""The table of operator traits, against the schema and against what the compiler takes."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from edgepack.flatbuffer.schema import enumeration
from edgepack.flatbuffer.traits import TRAITS, traits_of
from edgepack.ground.errors import EdgepackError
from tests.compile.builder import ModelBuilder


def test_every_name_is_one_of_the_schemas() -> None:
    assert set(TRAITS) <= set(enumeration("BuiltinOperator").values())


def test_an_operator_that_is_not_listed_has_no_traits() -> None:
    assert traits_of("CUSTOM") == traits_of("no such operator")
    assert not traits_of("CUSTOM").tflm and traits_of("CUSTOM").macs is None


def test_what_keeps_the_bytes_is_evaluated_as_it_is() -> None:
    data = np.arange(6).reshape(2, 3)
    kept = [traits for traits in TRAITS.values() if traits.same_bytes]
    assert len(kept) == 3
    for traits in kept:
        assert traits.evaluate is not None
        assert np.array_equal(traits.evaluate([data, np.array([6])], {}), data)


def test_weights_and_bias_are_different_inputs_from_the_data() -> None:
    for traits in TRAITS.values():
        places = [place for place in (traits.weights, traits.bias) if place >= 0]
        assert len({*places, traits.data}) == len(places) + 1


UNARY = sorted(name for name, traits in TRAITS.items() if traits.int16 and traits.weights < 0)


@pytest.mark.parametrize("name", ["RELU", "LEAKY_RELU", "LOGISTIC", "TANH"])
def test_functions_that_may_have_16_bits_are_compiled_with_them(name: str) -> None:
    assert name in UNARY
    scale = 2.0**-15 if TRAITS[name].fixed_range else 0.001
    b = ModelBuilder()
    x, y = b.tensor((1, 8), "int16", scale=0.001), b.tensor((1, 8), "int16", scale=scale)
    b.operator(name, [x], [y], *(["LeakyReluOptions"] if name == "LEAKY_RELU" else []))
    try:
        code = compile_model(read_model(b.finish([x], [y])), "m")
    except EdgepackError as error:
        pytest.fail(str(error))
    assert code.kernels == (f"ep_{name.lower()}_int16",)
