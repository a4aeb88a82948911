"""The C of a model with uint8 edges takes and gives uint8_t, and costs no more than flipping a bit."""

from __future__ import annotations

from edgepack.compile import CCode, compile_model
from edgepack.flatbuffer import read_model
from tests.compile.builder import ModelBuilder


def compiled(zero: int) -> CCode:
    b = ModelBuilder()
    shape = (1, 6)
    x = b.tensor(shape, "uint8", scale=0.1, zero_point=zero)
    first, second = b.tensor(shape, scale=0.1, zero_point=5), b.tensor(shape, scale=0.2, zero_point=-7)
    y = b.tensor(shape, "uint8", scale=0.2, zero_point=121)
    b.operator("QUANTIZE", [x], [first], "QuantizeOptions", version=2)
    b.operator("TANH", [first], [second], version=2)
    b.operator("QUANTIZE", [second], [y], "QuantizeOptions", version=2)
    return compile_model(read_model(b.finish([x], [y])), "m")


def test_the_buffers_are_uint8_in_header_and_readme() -> None:
    files = compiled(133).files
    assert "int m_run(const uint8_t *input, uint8_t *output, void *arena);" in files["m.h"]
    assert "#define M_INPUT_ZERO_POINT (133)" in files["m.h"] and "elements of type uint8_t" in files["m.h"]
    assert "uint8_t input[M_INPUT_SIZE];" in files["README.md"] and "uint8_t output[M_OUTPUT_SIZE];" in files["README.md"]


def test_zero_points_128_apart_cost_a_flipped_bit_and_no_table() -> None:
    assert compiled(133).kernels == ("ep_flip_sign", "ep_table")
    assert "ep_table_of_bytes" in compiled(132).kernels


def test_one_buffer_does_for_both_sides_of_a_flip() -> None:
    assert compiled(133).arena_size == 16
