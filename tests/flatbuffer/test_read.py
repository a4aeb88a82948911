"""What the reader says of a file, against what TensorFlow Lite's own interpreter says of it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.flatbuffer import read_model
from tests.flatbuffer.build import G, O, T, build, conv_model

MODELS = ["kws_ref_model", "kws_ref_model_float32", "pretrainedResnet", "pretrainedResnet_quant"]

INTERPRETER = """
import json, sys, hashlib, numpy
from tflite_runtime.interpreter import Interpreter, OpResolverType
i = Interpreter(model_path=sys.argv[1], experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
i.allocate_tensors()
tensors = []
for d in i.get_tensor_details():
    q = d["quantization_parameters"]
    tensors.append({"index": d["index"], "name": d["name"], "shape": d["shape"].tolist(),
        "signature": d["shape_signature"].tolist(), "dtype": numpy.dtype(d["dtype"]).name, "scales": q["scales"].tolist(),
        "zero_points": q["zero_points"].tolist(), "axis": int(q["quantized_dimension"]),
        "content": hashlib.sha256(numpy.ascontiguousarray(i.get_tensor(d["index"])).tobytes()).hexdigest()})
operators = [{"name": o["op_name"], "inputs": o["inputs"].tolist(), "outputs": o["outputs"].tolist()}
    for o in i._get_ops_details()]
print(json.dumps({"tensors": tensors, "operators": operators,
    "inputs": [d["index"] for d in i.get_input_details()], "outputs": [d["index"] for d in i.get_output_details()]}))
"""


def as_interpreter(path: Path) -> dict[str, Any]:
    run = subprocess.run([sys.executable, "-c", INTERPRETER, str(path)], capture_output=True, text=True, check=True)
    described: dict[str, Any] = json.loads(run.stdout)
    return described


@pytest.mark.parametrize("name", MODELS)
def test_tensors_and_operators_are_those_of_the_interpreter(shared_models: Path, name: str) -> None:
    path = shared_models / f"{name}.tflite"
    graph = read_model(path).subgraphs[0]
    expected = as_interpreter(path)
    assert list(graph.inputs) == expected["inputs"]
    assert list(graph.outputs) == expected["outputs"]
    for tensor, wanted in zip(graph.tensors, expected["tensors"], strict=False):  # the interpreter appends scratch tensors
        assert tensor.name == wanted["name"]
        assert list(tensor.shape) == wanted["shape"]
        assert list(tensor.shape_signature) == wanted["signature"]
        assert tensor.dtype == wanted["dtype"]
        quantization = tensor.quantization
        assert list(quantization.scales if quantization else ()) == wanted["scales"]
        assert list(quantization.zero_points if quantization else ()) == wanted["zero_points"]
        if len(wanted["scales"]) > 1:
            assert quantization is not None and quantization.axis == wanted["axis"]
    for operator, wanted in zip(graph.operators, expected["operators"], strict=False):
        assert operator.name == wanted["name"]
        assert list(operator.inputs) == wanted["inputs"]
        assert list(operator.outputs) == wanted["outputs"]


@pytest.mark.parametrize("name", MODELS)
def test_constants_are_those_of_the_interpreter(shared_models: Path, name: str) -> None:
    path = shared_models / f"{name}.tflite"
    graph = read_model(path).subgraphs[0]
    expected = {tensor["index"]: tensor["content"] for tensor in as_interpreter(path)["tensors"]}
    constants = [tensor for tensor in graph.tensors if tensor.data is not None]
    assert len(constants) > 15
    for tensor in constants:
        assert tensor.data is not None and tensor.data.shape == tensor.shape
        assert hashlib.sha256(np.ascontiguousarray(tensor.data).tobytes()).hexdigest() == expected[tensor.index], tensor.name


def test_reading_keyword_spotting_takes_milliseconds(shared_models: Path) -> None:
    data = (shared_models / "kws_ref_model.tflite").read_bytes()
    read_model(data)
    times = []
    for _ in range(10):
        start = time.process_time()
        read_model(data)
        times.append(time.process_time() - start)
    assert min(times) < 0.02


def test_weights_are_views_of_the_file_and_cannot_be_written(shared_models: Path) -> None:
    data = (shared_models / "pretrainedResnet_quant.tflite").read_bytes()
    file = np.frombuffer(data, np.uint8)
    weights = [t for t in read_model(data).subgraphs[0].tensors if t.data is not None and t.data.nbytes > 1000]
    assert weights
    for tensor in weights:
        assert tensor.data is not None
        assert np.shares_memory(tensor.data, file)
        with pytest.raises(ValueError):
            tensor.data.reshape(-1)[0] = 0


def test_what_was_written_is_read() -> None:
    data = conv_model()
    model = read_model(data)
    graph = model.subgraphs[0]
    assert model.description == "made for a test"
    assert model.metadata == {"note": b"abc"}
    assert model.size_bytes == len(data)
    signature = model.signatures[0]
    assert (signature.key, signature.inputs, signature.outputs) == ("serving_default", (("image", 0),), (("relu6", 4),))
    assert graph.tensors[0].shape_signature == (-1, 8, 8, 2)
    kernel = graph.tensors[1]
    assert kernel.quantization is not None
    assert kernel.quantization.scales == (0.5, 0.25, 0.125)
    assert np.array_equal(kernel.data, np.random.default_rng(0).integers(-127, 128, (3, 3, 3, 2)))
    conv = graph.operators[0]
    assert (conv.name, conv.version, conv.options["padding"], conv.options["fused_activation_function"]) == (
        "CONV_2D",
        2,
        "VALID",
        "RELU",
    )


def test_of_a_stale_shape_signature_only_the_varying_dimensions_count() -> None:
    graph = G([T("x", (4, 2), signature=(1, -1)), T("y", (4, 2))], [O("RELU", (0,), (1,))], (0,), (1,))
    assert read_model(build(graph)).subgraphs[0].tensors[0].shape_signature == (4, -1)


def test_int4_is_unpacked_low_nibble_first() -> None:
    # -8, 7, 1 in two's complement nibbles; the last nibble is padding.
    graph = G([T("w", (3,), "INT4", raw=bytes([0x78, 0x01])), T("x", (3,)), T("y", (3,))], [O("ADD", (1, 0), (2,))], (1,), (2,))
    tensor = read_model(build(graph)).subgraphs[0].tensors[0]
    assert tensor.dtype == "int4"
    assert tensor.data is not None and tensor.data.dtype == np.int8
    assert tensor.data.tolist() == [-8, 7, 1]
    assert tensor.nbytes == 2


def test_bfloat16_is_widened() -> None:
    graph = G(
        [T("w", (2,), "BFLOAT16", raw=b"\x80\x3f\x20\xc0"), T("x", (2,)), T("y", (2,))], [O("ADD", (1, 0), (2,))], (1,), (2,)
    )
    tensor = read_model(build(graph)).subgraphs[0].tensors[0]
    assert tensor.data is not None and tensor.data.tolist() == [1.0, -2.5]


def test_one_zero_point_serves_all_channels() -> None:
    tensor = read_model(conv_model(zero_points=(0,))).subgraphs[0].tensors[1]
    assert tensor.quantization is not None and tensor.quantization.zero_points == (0, 0, 0)


def test_a_channel_of_zeros_may_have_scale_zero() -> None:
    """TensorFlow's int16x8 conversion writes this for a channel whose weights were all pruned."""
    kernel = np.ones((3, 3, 3, 2), np.int8)
    kernel[1] = 0
    tensor = read_model(conv_model(scales=(0.5, 0.0, 0.125), data=kernel)).subgraphs[0].tensors[1]
    assert tensor.quantization is not None and tensor.quantization.scales[1] == 0.0


def test_data_after_the_flatbuffer_is_found() -> None:
    graph = G([T("w", (4,), raw=b"1234"), T("x", (4,)), T("y", (4,))], [O("ADD", (1, 0), (2,))], (1,), (2,))
    length = len(build(graph, external=(1, 1 << 20, 4)))
    data = build(graph, external=(1, length, 4)) + bytes([1, 2, 3, 4])
    tensor = read_model(data).subgraphs[0].tensors[0]
    assert tensor.data is not None and tensor.data.tolist() == [1, 2, 3, 4]


def test_custom_operators_keep_their_name_and_bytes() -> None:
    graph = G([T("x"), T("y")], [O("CUSTOM:Mine", (0,), (1,), custom=b"\x01\x02")], (0,), (1,))
    operator = read_model(build(graph)).subgraphs[0].operators[0]
    assert (operator.name, operator.custom_code, operator.custom_options) == ("CUSTOM", "Mine", b"\x01\x02")


def test_codes_above_127_are_read() -> None:
    graph = G(
        [T("x", (1, 4), "FLOAT32"), T("y", (1, 4), "FLOAT32")],
        [O("GELU", (0,), (1,), "GeluOptions", {"Approximate": True})],
        (0,),
        (1,),
    )
    operator = read_model(build(graph)).subgraphs[0].operators[0]
    assert (operator.name, operator.options) == ("GELU", {"approximate": True})


def test_a_path_and_its_bytes_give_the_same(tmp_path: Path) -> None:
    file = tmp_path / "a 'model'.tflite"
    file.write_bytes(conv_model())
    assert read_model(file).sha256 == read_model(conv_model()).sha256
