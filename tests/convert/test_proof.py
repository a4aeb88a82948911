"""The proof looks at every tensor and operator, and believes none of the file's names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgepack.convert import Converted, prove
from edgepack.flatbuffer import Model, read_model
from edgepack.ground.errors import ConvertError


def test_published_int8_models_pass(shared_models: Path) -> None:
    for name in ("pretrainedResnet_quant.tflite", "kws_ref_model.tflite"):
        proof = prove(read_model(shared_models / name), "int8")
        assert proof.fully_integer and proof.inputs == ("int8",) and not proof.float_layers


def test_a_published_float_model_fails_with_its_keras_layers(shared_models: Path) -> None:
    model = read_model(shared_models / "pretrainedResnet.tflite")
    with pytest.raises(ConvertError) as caught:
        prove(model, "int8")
    assert caught.value.code == "EP-450"
    assert "stayed float" in str(caught.value) and "conv2d" in str(caught.value)
    assert prove(model, "any").scheme == "float32"


def test_a_file_with_int8_weights_and_float_activations_is_dynamic(shared_models: Path) -> None:
    proof = prove(read_model(shared_models / "kws_ref_model_float32.tflite"), "any")
    assert proof.scheme == "dynamic" and not proof.fully_integer


def test_one_float_tensor_is_enough_to_fail(converted: Converted) -> None:
    model = read_model(converted.file)
    graph = model.subgraphs[0]
    operator = next(operator for operator in graph.operators if operator.name == "CONV_2D")
    with pytest.raises(ConvertError, match="these layers stayed float: stem"):
        prove(_with_type(model, operator.outputs[0], "float32"), "int8")


def test_a_float_input_is_found_even_with_integer_operators(converted: Converted) -> None:
    model = read_model(converted.file)
    changed = _with_type(model, model.subgraphs[0].inputs[0], "float32")
    with pytest.raises(ConvertError) as caught:
        prove(changed, "int8")
    assert caught.value.code == "EP-450"


def test_an_unsigned_input_is_not_int8(converted: Converted) -> None:
    model = read_model(converted.file)
    with pytest.raises(ConvertError, match="an input of the model is uint8"):
        prove(_with_type(model, model.subgraphs[0].inputs[0], "uint8"), "int8")


def test_a_foreign_operator_is_named(converted: Converted) -> None:
    model = read_model(converted.file)
    graph = model.subgraphs[0]
    operators = (replace(graph.operators[0], name="CUSTOM", custom_code="FlexErf"), *graph.operators[1:])
    with pytest.raises(ConvertError, match="FlexErf in layer stem") as caught:
        prove(replace(model, subgraphs=(replace(graph, operators=operators),)), "int8")
    assert caught.value.code == "EP-453"


def test_an_int8_file_is_not_what_int16x8_asked_for(converted: Converted) -> None:
    with pytest.raises(ConvertError):
        prove(read_model(converted.file), "int16x8")


def test_counts_are_those_of_the_file(converted: Converted) -> None:
    proof = prove(read_model(converted.file), "any")
    assert proof.operators["CONV_2D"] == 2 and proof.operators["DEPTHWISE_CONV_2D"] == 1
    assert proof == converted.proof


def _with_type(model: Model, index: int, dtype: str) -> Model:
    graph = model.subgraphs[0]
    tensors = tuple(replace(tensor, dtype=dtype) if tensor.index == index else tensor for tensor in graph.tensors)
    return replace(model, subgraphs=(replace(graph, tensors=tensors),))
