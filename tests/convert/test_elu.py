"""ELU becomes an int8 operator, with the outputs that the converter's float detour has."""

from __future__ import annotations

import numpy as np

from edgepack.flatbuffer import read_model
from edgepack.flatbuffer.rewrite.integer_elu import integer_elu
from edgepack.flatbuffer.rewrite.objects import pack, unpack
from tests.compile.builder import ModelBuilder
from tests.compile.reference import run_reference


def detour(read_twice: bool = False) -> bytes:
    """A model as the converter leaves it: DEQUANTIZE, ELU, QUANTIZE between int8 tensors."""
    b = ModelBuilder()
    x = b.tensor((1, 256), scale=0.05, zero_point=3)
    real, curved = b.tensor((1, 256), "float32"), b.tensor((1, 256), "float32")
    y = b.tensor((1, 256), scale=0.04, zero_point=-100)
    b.operator("DEQUANTIZE", [x], [real])
    b.operator("ELU", [real], [curved])
    b.operator("QUANTIZE", [curved], [y])
    return b.finish([x], [y, curved] if read_twice else [y])


def test_every_input_gives_the_same_output() -> None:
    model = detour()
    opened = unpack(model)
    assert integer_elu(opened)
    integer = pack(opened)
    (graph,) = read_model(integer).subgraphs
    assert [operator.name for operator in graph.operators] == ["ELU"]
    assert {tensor.dtype for tensor in graph.tensors} == {"int8"}
    given = [(np.arange(-128, 128, dtype=np.int8).reshape(1, 256),)]
    assert np.array_equal(run_reference(integer, given, "tflite-micro")[0][0], run_reference(model, given, "tflite-micro")[0][0])
    assert not integer_elu(unpack(integer))


def test_a_chain_that_others_read_stays() -> None:
    assert not integer_elu(unpack(detour(read_twice=True)))
