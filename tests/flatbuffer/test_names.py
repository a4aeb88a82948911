"""Keras layer names, from tensor names as TensorFlow 2.4 to 2.21 and tfmot converted them."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from edgepack.flatbuffer import keras_layer, names, operator_layer, read_model, result_names, tflm
from tests.flatbuffer.build import conv_model


@pytest.mark.parametrize(
    ("tensor", "layer"),
    [
        ("model/stem/Conv2D", "stem"),
        ("model/re_lu/Relu6;model/stem/Conv2D", "stem"),
        ("model/re_lu_1/Relu;model/batch_normalization_1/FusedBatchNormV3;model/dw/depthwise1", "dw"),
        ("model/separable_conv2d/separable_conv2d/depthwise1", "separable_conv2d"),
        ("model/conv2d_transpose/strided_slice/stack", "conv2d_transpose"),
        ("model/smooth/resize/ResizeBilinear", "smooth"),
        ("head_int16", "head"),
        ("model/conv2d_transpose/stack/3", "conv2d_transpose"),
        ("model/head/MatMul;model/head/Relu", "head"),
        ("sequential_3/max_pooling1d/ExpandDims/dim", "max_pooling1d"),
        ("sequential_1/k3conv_1/Relu;sequential_1/k3conv_1/convolution", "k3conv_1"),
        ("model/global_average_pooling2d/Mean/reduction_indices", "global_average_pooling2d"),
        ("sequential/quant_c1/Conv2D;sequential/quant_c1/LastValueQuant/FakeQuantWithMinMaxVarsPerChannel", "c1"),
        ("sequential/quant_flatten/Reshape;sequential/quant_re_lu_2/MovingAvgQuantize/FakeQuantWithMinMaxVars", "flatten"),
        ("model/prune_low_magnitude_dense/MatMul", "dense"),
        ("StatefulPartitionedCall/model/dense/MatMul", "dense"),
        ("model/activation_2/Relu;model/add/add", "add"),
        ("model/inner/conv2d/Conv2D", "inner/conv2d"),
        ("serving_default_input_1:0", "input_1"),
        ("input_1_int8", "input_1"),
        # A constant shared with another layer lends its name; the bias tells the layer.
        (
            "f/activation/Relu;f/batch_normalization/FusedBatchNormV3;f/conv2d/BiasAdd/ReadVariableOp/resource;"
            "f/conv2d/BiasAdd;f/conv2d_4/Conv2D;f/conv2d/Conv2D1",
            "conv2d",
        ),
    ],
)
def test_layer_in_a_tensor_name(tensor: str, layer: str) -> None:
    assert keras_layer(tensor) == layer


@pytest.mark.parametrize("tensor", ["StatefulPartitionedCall:0", "Identity", "arith.constant12", "tfl.pseudo_qconst3", "", ";;/"])
def test_a_name_without_a_layer_stays_short_and_does_not_fail(tensor: str) -> None:
    assert keras_layer(tensor) == tensor.split(";")[0].split(":")[0]


def test_every_operator_of_the_reference_models_has_its_layer(shared_models: Path) -> None:
    layers = {}
    for name in ("kws_ref_model", "pretrainedResnet_quant"):
        model = read_model(shared_models / f"{name}.tflite")
        layers[name] = [operator_layer(model.subgraphs[0], operator) for operator in model.subgraphs[0].operators]
    assert layers["kws_ref_model"] == [
        *["conv2d", "depthwise_conv2d", "conv2d_1", "depthwise_conv2d_1", "conv2d_2", "depthwise_conv2d_2", "conv2d_3"],
        *["depthwise_conv2d_3", "conv2d_4", "average_pooling2d", "flatten", "dense", "dense"],
    ]
    assert layers["pretrainedResnet_quant"] == [
        *["conv2d", "conv2d_1", "conv2d_2", "add", "conv2d_3", "conv2d_4", "conv2d_5", "add_1", "conv2d_6", "conv2d_7"],
        *["conv2d_8", "add_2", "average_pooling2d", "flatten", "dense", "dense"],
    ]


def test_an_output_takes_its_name_from_the_signature() -> None:
    model = read_model(conv_model())
    graph = model.subgraphs[0]
    assert result_names(model) == {4: "relu6"}
    assert operator_layer(graph, graph.operators[1], result_names(model)) == "relu6"
    assert operator_layer(graph, graph.operators[1]) == "stem"


def test_examples_in_docstrings_hold() -> None:
    assert doctest.testmod(names) == doctest.TestResults(failed=0, attempted=3)
    assert doctest.testmod(tflm) == doctest.TestResults(failed=0, attempted=1)
