"""Files whose weights TensorFlow Lite Micro decodes: smaller, and of the same outputs in its interpreter."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.compile.compiler import compile_model
from edgepack.flatbuffer import inspect_model, obstacle, read_model
from edgepack.flatbuffer.decode import OPERATOR, plain_model
from edgepack.flatbuffer.rewrite import code_weights as module
from edgepack.flatbuffer.rewrite.code_weights import CodedFile, code_weights
from edgepack.flatbuffer.rewrite.insert_metadata import insert_metadata
from edgepack.flatbuffer.rewrite.objects import pack, unpack
from edgepack.runners.tflm import TflmRun, run_tflm
from tests.compile.builder import ModelBuilder

KERAS = Path(__file__).with_name("coded")

pytestmark = pytest.mark.skipif(importlib.util.find_spec("tflite_micro") is None, reason="tflite-micro is not installed")

Weights = Callable[[tuple[int, ...]], np.ndarray]


def clustered(count: int, seed: int = 1) -> Weights:
    """Weights of `count` values, for each tensor others."""
    rng = np.random.default_rng(seed)
    return lambda shape: rng.choice(rng.choice(np.arange(-127, 128), count, replace=False), shape).astype(np.int8)


def pruned(share: float, seed: int = 2) -> Weights:
    """Weights with this share of zeros."""
    rng = np.random.default_rng(seed)
    return lambda shape: np.where(rng.random(shape) < share, 0, rng.integers(-127, 128, shape)).astype(np.int8)


def network(weights: Weights, channels: int = 24) -> bytes:
    """A convolution, a depthwise one, one that upsamples, and a dense layer; biases are zero but for the first's."""
    builder = ModelBuilder()
    rng = np.random.default_rng(3)

    def layer(name: str, x: int, shape: tuple[int, ...], output: tuple[int, ...], axis: int, options: str, **fields: Any) -> int:
        units = shape[axis]
        scales = rng.uniform(0.01, 0.02, units)
        w = builder.constant(weights(shape), "int8", scale=scales, axis=axis)
        values = rng.integers(-500, 500, units) if name == "CONV_2D" else np.zeros(units)
        b = builder.constant(values, "int32", scale=0.05 * scales)
        y = builder.tensor(output, scale=0.05, zero_point=-3)
        inputs = [builder.constant(np.array(output), "int32"), w, x, b] if name == "TRANSPOSE_CONV" else [x, w, b]
        builder.operator(name, inputs, [y], options, version=3, **fields)
        return y

    x = builder.tensor((1, 8, 8, 3), scale=0.05, zero_point=4)
    stride = {"strideH": 1, "strideW": 1, "padding": "SAME"}
    h = layer("CONV_2D", x, (channels, 3, 3, 3), (1, 8, 8, channels), 0, "Conv2DOptions", **stride)
    h = layer(
        *("DEPTHWISE_CONV_2D", h, (1, 3, 3, channels), (1, 8, 8, channels), 3, "DepthwiseConv2DOptions"),
        **stride,
        depthMultiplier=1,
    )
    twice = {"strideH": 2, "strideW": 2, "padding": "SAME"}
    h = layer("TRANSPOSE_CONV", h, (4, 2, 2, channels), (1, 16, 16, 4), 0, "TransposeConvOptions", **twice)
    flat = builder.tensor((1, 1024), scale=0.05, zero_point=-3)
    builder.operator("RESHAPE", [h, builder.constant(np.array([1, 1024]), "int32")], [flat], "ReshapeOptions", newShape=[1, 1024])
    w = builder.constant(weights((10, 1024)), "int8", scale=0.01)
    y = builder.tensor((1, 10), scale=0.3)
    builder.operator(
        "FULLY_CONNECTED", [flat, w, builder.constant(np.zeros(10), "int32", scale=0.0005)], [y], "FullyConnectedOptions"
    )
    return builder.finish([x], [y])


def coded(data: bytes) -> CodedFile:
    return code_weights(data, read_model(data))


def run(data: bytes, folder: Path, vectors: int = 6) -> TflmRun:
    model = read_model(data)
    graph = model.subgraphs[0]
    rng = np.random.default_rng(4)
    inputs = [
        rng.integers(-128, 128, (vectors, *graph.tensors[index].shape[1:])).astype(graph.tensors[index].dtype)
        for index in graph.inputs
    ]
    file = folder / "model.tflite"
    file.write_bytes(data)
    return run_tflm(file, inputs, len(graph.outputs))


def same_outputs(one: bytes, other: bytes, folder: Path) -> bool:
    pairs = zip(run(one, folder).outputs, run(other, folder).outputs, strict=True)
    return all(first.tobytes() == second.tobytes() for first, second in pairs)


def decoders(data: bytes) -> list[int]:
    """How many tensors each decoding operator gives, in the file's order."""
    return [
        len(operator.outputs)
        for graph in read_model(data).subgraphs
        for operator in graph.operators
        if operator.custom_code == OPERATOR
    ]


@pytest.mark.parametrize("weights", [clustered(2), clustered(16), clustered(100), pruned(0.6), pruned(0.9)])
def test_a_coded_file_is_smaller_and_its_outputs_are_the_same(weights: Weights, tmp_path: Path) -> None:
    data = network(weights)
    found = coded(data)
    assert found.tensors
    assert len(found.content) < len(data)
    assert same_outputs(data, found.content, tmp_path)
    assert coded(data).content == found.content


@pytest.mark.parametrize("name", ["clustered", "pruned"])
def test_what_keras_converts_to_is_coded(name: str, tmp_path: Path) -> None:
    data = (KERAS / f"{name}.tflite").read_bytes()
    found = coded(data)
    assert len(data) - len(found.content) > 1000
    assert {tensor.operator for tensor in found.tensors} >= {"CONV_2D", "FULLY_CONNECTED"}
    assert same_outputs(data, found.content, tmp_path)


def test_weights_without_structure_stay_as_they_are() -> None:
    data = network(pruned(0.0))
    found = coded(data)
    assert found.content is data
    assert "few enough values" in found.why


def test_weights_as_training_left_them_stay_as_they_are(shared_models: Path) -> None:
    for file in sorted(shared_models.glob("*.tflite")):
        data = file.read_bytes()
        assert coded(data).content is data, file.name


def test_each_code_makes_the_file_smaller_and_no_other_would_by_much() -> None:
    for weights in (clustered(16), pruned(0.7)):
        data = network(weights)
        model = read_model(data)
        chosen = module._chosen(model)
        whole = len(pack(module._rewritten(unpack(data), chosen)))
        for place in chosen:
            without = [other for other in chosen if other is not place]
            assert len(pack(module._rewritten(unpack(data), without))) > whole
        for places in module._candidates(model):
            if places[0] not in chosen:
                more = len(pack(module._rewritten(unpack(data), [*chosen, *places])))
                assert whole - more < places[0].tensor.nbytes / 10 + 64  # buffers begin at multiples of 16


def test_a_layer_decodes_its_weights_and_its_bias_at_once() -> None:
    builder = ModelBuilder()
    x, y = builder.tensor((1, 8), scale=0.1), builder.tensor((1, 900), scale=0.1)
    w = builder.constant(clustered(4)((900, 8)), "int8", scale=0.1)
    b = builder.constant(np.zeros(900), "int32", scale=0.01)
    builder.operator("FULLY_CONNECTED", [x, w, b], [y], "FullyConnectedOptions")
    found = coded(builder.finish([x], [y]))
    assert decoders(found.content) == [2]
    assert [tensor.how for tensor in found.tensors] == ["LUT, 2 bits, one table", "pruned"]


def dense_pair(same_tensor: bool, same_buffer: bool = True, kind: str = "FULLY_CONNECTED") -> bytes:
    """Two dense layers on one input with the same weights: one tensor, two of one buffer, or two of equal bytes."""
    builder = ModelBuilder()
    values = clustered(5)((40, 40))
    x = builder.tensor((1, 40), scale=0.1)
    first = builder.constant(values, "int8", scale=0.1)
    second = first if same_tensor else builder.constant(values, "int8", scale=0.2)
    outputs = [builder.tensor((1, 40), scale=0.9), builder.tensor((1, 40), scale=0.7)]
    for w, y, name in zip((first, second), outputs, ("FULLY_CONNECTED", kind), strict=True):
        if name == "FULLY_CONNECTED":
            builder.operator(name, [x, w, -1], [y], "FullyConnectedOptions")
    if kind == "ADD":  # reads the weights as they are, whatever it computes
        builder.tensors[outputs[1]].shape = [40, 40]
        builder.operator("ADD", [second, x], [outputs[1]], "AddOptions")
    if same_buffer and not same_tensor:
        builder.tensors[second].buffer = builder.tensors[first].buffer
    return builder.finish([x], outputs)


@pytest.mark.parametrize(("same_tensor", "same_buffer"), [(True, True), (False, True), (False, False)])
def test_weights_of_two_layers_are_stored_once_and_decoded_for_each(same_tensor: bool, same_buffer: bool, tmp_path: Path) -> None:
    data = dense_pair(same_tensor, same_buffer)
    found = coded(data)
    assert decoders(found.content) == [1, 1]
    assert same_outputs(data, found.content, tmp_path)
    model = read_model(found.content)
    sizes = [tensor.data.nbytes for tensor in {t.buffer: t for t in model.subgraphs[0].tensors if t.data is not None}.values()]
    assert sum(sizes) < 40 * 40 * 3 / 8 + 64


def test_weights_that_something_else_reads_stay_as_they_are() -> None:
    for same_tensor in (True, False):
        data = dense_pair(same_tensor, kind="ADD")
        assert coded(data).content is data


def test_weights_that_are_an_output_stay_as_they_are() -> None:
    builder = ModelBuilder()
    x, y = builder.tensor((1, 64), scale=0.1), builder.tensor((1, 64), scale=0.1)
    w = builder.constant(clustered(4)((64, 64)), "int8", scale=0.1)
    builder.operator("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions")
    data = builder.finish([x], [y, w])
    assert coded(data).content is data


def depthwise(channels: int, dimension: int, scales: int) -> bytes:
    """A depthwise convolution of one kernel a channel, whose bias names its filters' quantized dimension."""
    builder = ModelBuilder()
    scale = np.linspace(0.01, 0.02, scales)
    x = builder.tensor((1, 9, 9, channels), scale=0.1)
    w = builder.constant(clustered(4)((1, 9, 9, channels)), "int8", scale=scale, axis=dimension)
    b = builder.constant(np.zeros(channels), "int32", scale=0.1 * scale, axis=dimension)
    y = builder.tensor((1, 9, 9, channels), scale=0.5)
    fields = {"strideH": 1, "strideW": 1, "padding": "SAME", "depthMultiplier": 1}
    builder.operator("DEPTHWISE_CONV_2D", [x, w, b], [y], "DepthwiseConv2DOptions", version=3, **fields)
    return builder.finish([x], [y])


@pytest.mark.parametrize(("channels", "dimension", "scales"), [(64, 3, 64), (100, 3, 100), (5, 3, 5), (31, 3, 1), (31, 0, 1)])
def test_depthwise_weights_have_their_channels_last(channels: int, dimension: int, scales: int, tmp_path: Path) -> None:
    data = depthwise(channels, dimension, scales)
    found = coded(data)
    assert found.tensors
    assert same_outputs(data, found.content, tmp_path)


@pytest.mark.parametrize("shape", [(1, 3000), (3000, 1), (257, 33), (7, 129), (128, 5)])
def test_dense_weights_of_odd_shapes(shape: tuple[int, int], tmp_path: Path) -> None:
    units, inputs = shape
    builder = ModelBuilder()
    x, y = builder.tensor((1, inputs), scale=0.1), builder.tensor((1, units), scale=2.5)
    for_each = builder.constant(clustered(3)(shape), "int8", scale=0.1)
    builder.operator("FULLY_CONNECTED", [x, for_each, -1], [y], "FullyConnectedOptions")
    data = builder.finish([x], [y])
    found = coded(data)
    assert found.tensors
    assert same_outputs(data, found.content, tmp_path)


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_layers_of_other_types(dtype: str, tmp_path: Path) -> None:
    """int16 activations have int8 weights and int64 biases; a float layer's weights may be in few values too."""
    builder = ModelBuilder()
    quantized = dtype == "int16"
    x = builder.tensor((1, 50), dtype, scale=0.001 if quantized else None)
    w = builder.constant(clustered(9)((60, 50)), "int8" if quantized else dtype, scale=0.01 if quantized else None)
    b = builder.constant(np.zeros(60), "int64" if quantized else dtype, scale=0.00001 if quantized else None)
    y = builder.tensor((1, 60), dtype, scale=0.005 if quantized else None)
    builder.operator("FULLY_CONNECTED", [x, w, b], [y], "FullyConnectedOptions", version=4 if quantized else 1)
    data = builder.finish([x], [y])
    found = coded(data)
    assert found.tensors
    assert same_outputs(data, found.content, tmp_path)


def test_layers_of_a_called_subgraph_are_coded_too(tmp_path: Path) -> None:
    builder = ModelBuilder()

    def branch(seed: int) -> Any:
        x, y = builder.tensor((1, 40), scale=0.1), builder.tensor((1, 40), scale=0.8)
        w = builder.constant(clustered(4, seed)((40, 40)), "int8", scale=0.1)
        builder.operator("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions")
        return builder.subgraph([x], [y])

    branches = [branch(1), branch(2)]
    x, y = builder.tensor((1, 40), scale=0.1), builder.tensor((1, 40), scale=0.8)
    condition = builder.tensor((1,), "bool")
    builder.operator("IF", [condition, x], [y], "IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2)
    data = builder.finish_with([builder.subgraph([condition, x], [y]), *branches])
    found = coded(data)
    assert decoders(found.content) == [1, 1]
    file, outputs = tmp_path / "model.tflite", []
    inputs = (np.array([[True], [False]]), np.random.default_rng(5).integers(-128, 128, (2, 40)).astype(np.int8))
    for content in (data, found.content):
        file.write_bytes(content)
        outputs.append(run_tflm(file, inputs, 1).outputs[0])
    assert (outputs[0] == outputs[1]).all()
    assert (outputs[0][0] != outputs[0][1]).any()


def test_a_file_that_plans_its_own_memory_stays_as_it_is() -> None:
    data = insert_metadata(network(clustered(4)), module.OFFLINE_PLAN, bytes(16))
    found = coded(data)
    assert found.content is data
    assert module.OFFLINE_PLAN in found.why


def test_a_buffer_that_metadata_share_keeps_its_content(tmp_path: Path) -> None:
    model = unpack(insert_metadata(network(clustered(4)), "copy", bytes(8)))
    index = next(place for place, buffer in enumerate(model.buffers) if buffer.data is not None and len(buffer.data) == 10240)
    model.metadata[0].buffer, content = index, bytes(model.buffers[index].data)
    data = pack(model)
    found = coded(data)
    assert read_model(found.content).metadata == {"copy": content}
    assert same_outputs(data, found.content, tmp_path)


def test_a_file_without_an_empty_first_buffer_is_coded_too(tmp_path: Path) -> None:
    model = unpack(network(clustered(4)))
    model.buffers = [*model.buffers[1:], model.buffers[0]]
    for tensor in model.subgraphs[0].tensors:
        tensor.buffer = (tensor.buffer or len(model.buffers)) - 1
    data = pack(model)
    found = coded(data)
    assert len(found.content) < len(data)
    assert same_outputs(data, found.content, tmp_path)


def test_a_coded_file_is_not_coded_again() -> None:
    content = coded(network(clustered(4))).content
    assert coded(content).content is content
    assert "already" in coded(content).why


def test_the_arena_grows_by_less_than_all_weights_because_each_layer_decodes_its_own(tmp_path: Path) -> None:
    data = network(clustered(8), channels=64)
    before, after = run(data, tmp_path, 1), run(coded(data).content, tmp_path, 1)
    weights = sum(tensor.before for tensor in coded(data).tensors)
    assert 0 < after.head - before.head <= max(tensor.before for tensor in coded(data).tensors) < weights


def test_inspecting_a_coded_file_names_the_operator_and_tells_the_weights_of_the_uncoded() -> None:
    data = network(clustered(8))
    found = coded(data)
    before, after = inspect_model(read_model(data)), inspect_model(read_model(found.content))
    assert after.operator_counts[f"CUSTOM {OPERATOR}"] == len(decoders(found.content))
    assert after.outside_tflm == () and after.obstacle is None
    assert (after.totals.weights, after.totals.zeros, after.totals.parameters, after.totals.macs) == (
        *(before.totals.weights, before.totals.zeros, before.totals.parameters, before.totals.macs),
    )
    assert after.totals.parameter_bytes < before.totals.parameter_bytes
    layers = {(layer.layer, layer.operator): layer.weights for layer in before.layers if layer.weights.elements}
    assert {(layer.layer, layer.operator): layer.weights for layer in after.layers if layer.weights.elements} == layers


def test_a_coded_file_compiles_to_the_same_c() -> None:
    data = (KERAS / "clustered.tflite").read_bytes()
    model = read_model(coded(data).content)
    for one, other in zip(plain_model(model).subgraphs[0].operators, read_model(data).subgraphs[0].operators, strict=True):
        assert (one.name, one.inputs, one.outputs) == (other.name, other.inputs, other.outputs)
    files = [compile_model(each, "net").files for each in (read_model(data), model)]
    weights = [[line for line in each["net_weights.c"].splitlines() if "sha256" not in line] for each in files]
    assert weights[0] == weights[1]


def test_a_code_that_edgepack_cannot_read_is_refused_by_the_compiler() -> None:
    model = unpack(coded(network(clustered(4))).content)
    for buffer in model.buffers:
        if buffer.data is not None and bytes(buffer.data[:2]) == b"\0\1":
            buffer.data = np.concatenate([[200], buffer.data[1:]]).astype(np.uint8)
    file = read_model(pack(model))
    assert obstacle(file) is None
    with pytest.raises(Exception, match=OPERATOR) as caught:
        compile_model(file, "net")
    assert caught.value.code == "EP-703"  # type: ignore[attr-defined]
    assert caught.value.hint == "Give the .tflite from before its weights were coded."  # type: ignore[attr-defined]
