"""Figures of the inspection against numbers that come from elsewhere."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from edgepack.flatbuffer import inspect_model, read_model
from edgepack.flatbuffer.weights import statistics
from tests.flatbuffer.build import G, O, T, build, conv_model


@pytest.mark.parametrize(
    ("name", "macs", "keras_parameters", "normalised_channels"),
    [
        # MACs as counted on the cores that ran these models; parameters as Keras reports them, with four vectors a batch
        # normalisation (gamma, beta, mean, variance), which the converter folds into the convolutions.
        ("kws_ref_model", 2_656_768, 24_908, 9 * 64),
        ("pretrainedResnet_quant", 12_501_632, 78_666, 3 * 16 + 2 * 32 + 2 * 64),
    ],
)
def test_macs_and_parameters_of_the_reference_models(
    shared_models: Path, name: str, macs: int, keras_parameters: int, normalised_channels: int
) -> None:
    inspection = inspect_model(read_model(shared_models / f"{name}.tflite"))
    assert inspection.totals.macs == macs
    assert inspection.totals.parameters + 4 * normalised_channels == keras_parameters
    assert inspection.outside_tflm == ()


@pytest.mark.parametrize(
    ("name", "worst", "arena"),
    [
        # By hand: two 25x5x64 tensors; two inputs and the output of the first addition, 32x32x16 each. The arenas are those
        # that TFLite Micro needs on a Cortex-M4, with its own structures in them.
        ("kws_ref_model", 2 * 25 * 5 * 64, 22_820),
        ("pretrainedResnet_quant", 3 * 32 * 32 * 16, 54_996),
    ],
)
def test_peak_memory_is_the_worst_operators_below_a_real_arena(shared_models: Path, name: str, worst: int, arena: int) -> None:
    peak = inspect_model(read_model(shared_models / f"{name}.tflite")).peak
    assert peak.activation_bytes == worst
    assert peak.activation_bytes < arena
    assert peak.state_bytes == 0


def test_statistics_against_counting_by_hand(shared_models: Path) -> None:
    model = read_model(shared_models / "kws_ref_model.tflite")
    first = inspect_model(model).layers[0]
    kernel = next(t for t in model.subgraphs[0].tensors if t.shape == (64, 10, 4, 1))
    assert kernel.data is not None
    values = kernel.data.reshape(-1).tolist()
    counts = Counter(values)
    assert first.weights.elements == len(values) == 2560
    assert first.weights.zeros == counts[0]
    assert first.weights.distinct == len(counts)
    assert first.weights.distinct_per_channel == max(len(set(row)) for row in kernel.data.reshape(64, -1).tolist())
    assert first.weights.entropy == pytest.approx(-sum(n / 2560 * math.log2(n / 2560) for n in counts.values()))
    assert first.parameters == 2560 + 64
    assert first.bytes == 2560 + 4 * 64
    assert (first.operator, first.layer, first.quantization) == ("CONV_2D", "conv2d", "int8, weights int8 x64")


def constant(values: object, dtype: str, **changes: object) -> T:
    array = np.asarray(values)
    return T("w", array.shape, dtype, data=array, **changes)  # type: ignore[arg-type]


def weights_of(tensor: T):  # type: ignore[no-untyped-def]
    graph = G([tensor, T("x", tensor.shape), T("y", tensor.shape)], [O("MUL", (1, 0), (2,))], (1,), (2,))
    return statistics([read_model(build(graph)).subgraphs[0].tensors[0]])


def test_zeros_are_elements_equal_to_their_channels_zero_point() -> None:
    tensor = constant([[3, 3, 0], [0, 5, 0]], "INT8", scales=[0.1, 0.2], zero_points=[3, 0], axis=0)
    result = weights_of(tensor)
    assert (result.zeros, result.distinct, result.distinct_per_channel) == (4, 3, 2)


def test_entropy_of_known_distributions() -> None:
    assert weights_of(constant([7] * 16, "INT8", scales=[1.0])).entropy == 0
    assert weights_of(constant(range(-128, 128), "INT8", scales=[1.0])).entropy == pytest.approx(8)
    assert weights_of(constant([0, 1, 0, 1], "INT16", scales=[1.0])).entropy == pytest.approx(1)
    assert weights_of(constant([0.5, 1.5, 2.5, 3.5], "FLOAT32")).entropy == pytest.approx(2)
    assert weights_of(constant([0.0, -0.0, 1.0, 2.0], "FLOAT32")).zeros == 2


def macs_of(operator: O, *tensors: T) -> int:
    inputs = [
        i for i, t in enumerate(tensors) if t.data is None and t.raw is None and i not in operator.outputs and not t.variable
    ]
    return inspect_model(read_model(build(G(tensors, [operator], inputs, operator.outputs)))).totals.macs


def loops(*extents: int) -> int:
    """Count by running the loops."""
    count = 0
    for _ in np.ndindex(*extents):
        count += 1
    return count


def weight(*shape: int) -> T:
    return T("w", shape, data=np.ones(shape), scales=[0.1])


def test_macs_formulas_count_the_kernels_loops() -> None:
    x = T("x", (1, 6, 5, 4))
    assert macs_of(O("CONV_2D", (0, 1), (2,)), x, weight(7, 3, 2, 4), T("y", (1, 3, 5, 7))) == loops(3, 5, 7, 3, 2, 4)
    # Two groups: kernels see half of the channels.
    assert macs_of(O("CONV_2D", (0, 1), (2,)), x, weight(6, 3, 3, 2), T("y", (1, 6, 5, 6))) == loops(6, 5, 6, 3, 3, 2)
    assert macs_of(O("DEPTHWISE_CONV_2D", (0, 1), (2,)), x, weight(1, 3, 3, 8), T("y", (1, 6, 5, 8))) == loops(6, 5, 8, 3, 3)
    assert macs_of(O("FULLY_CONNECTED", (0, 1), (2,)), T("x", (3, 20)), weight(5, 20), T("y", (3, 5))) == loops(3, 5, 20)
    shape = T("s", (4,), "INT32", data=[1, 12, 10, 3])
    up = macs_of(O("TRANSPOSE_CONV", (2, 1, 0), (3,)), x, weight(3, 2, 2, 4), shape, T("y", (1, 12, 10, 3)))
    assert up == loops(6, 5, 4, 2, 2, 3)
    assert macs_of(O("BATCH_MATMUL", (0, 1), (2,)), T("a", (2, 3, 4)), T("b", (2, 4, 5)), T("y", (2, 3, 5))) == loops(2, 3, 5, 4)
    adjoint = O("BATCH_MATMUL", (0, 1), (2,), "BatchMatMulOptions", {"AdjX": True})
    assert macs_of(adjoint, T("a", (2, 4, 3)), T("b", (2, 4, 5)), T("y", (2, 3, 5))) == loops(2, 3, 5, 4)
    svdf = O("SVDF", (0, 1, 2, -1, 3), (4,), "SVDFOptions", {"Rank": 1})
    state = T("s", (1, 16), variable=True)
    assert macs_of(svdf, T("x", (1, 10)), weight(8, 10), weight(8, 2), state, T("y", (1, 8))) == 8 * 10 + 8 * 2
    assert macs_of(O("ADD", (0, 1), (2,)), x, T("z", (1, 6, 5, 4)), T("y", (1, 6, 5, 4))) == 0


def test_macs_of_an_lstm() -> None:
    """Four gates, each a matrix for the input (6) and one for the state (7), at every one of 10 steps."""
    tensors = [T("x", (1, 10, 6)), *[weight(7, 6)] * 4, *[weight(7, 7)] * 4]
    tensors += [T("h", (1, 7), variable=True), T("c", (1, 7), "INT16", variable=True), T("y", (1, 10, 7))]
    inputs = (0, 1, 2, 3, 4, 5, 6, 7, 8, -1, -1, -1, -1, -1, -1, -1, -1, -1, 9, 10)
    lstm = O("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (11,), "UnidirectionalSequenceLSTMOptions", {})
    assert macs_of(lstm, *tensors) == 10 * 4 * (6 * 7 + 7 * 7)


def test_a_shared_kernel_counts_once() -> None:
    tensors = [T("x", (1, 4)), weight(4, 4), T("y", (1, 4)), T("z", (1, 4))]
    operators = [O("FULLY_CONNECTED", (0, 1), (2,)), O("FULLY_CONNECTED", (2, 1), (3,))]
    inspection = inspect_model(read_model(build(G(tensors, operators, (0,), (3,)))))
    assert [layer.parameters for layer in inspection.layers] == [16, 0]
    assert (inspection.totals.parameters, inspection.totals.weights, inspection.totals.macs) == (16, 16, 32)


def test_peak_of_a_residual_block() -> None:
    """x stays until the addition: x (100) + a (200) + b (300) live while b is computed, then b + x + y."""
    tensors = [T("x", (100,)), T("a", (200,)), T("b", (300,)), T("y", (100,))]
    operators = [O("RELU", (0,), (1,)), O("RELU", (1,), (2,)), O("ADD", (2, 0), (3,))]
    inspection = inspect_model(read_model(build(G(tensors, operators, (0,), (3,)))))
    assert [layer.live_bytes for layer in inspection.layers] == [300, 600, 500]
    assert (inspection.peak.activation_bytes, inspection.peak.operator) == (600, 1)


def test_an_output_lives_to_the_end_and_a_called_subgraph_adds_its_peak() -> None:
    called = G([T("p", (10,)), T("q", (1000,)), T("r", (10,))], [O("RELU", (0,), (1,)), O("RELU", (1,), (2,))], (0,), (2,))
    tensors = [T("c", (1,), "BOOL"), T("x", (10,)), T("early", (70,)), T("y", (10,))]
    branch = O("IF", (0, 1), (3,), "IfOptions", {"ThenSubgraphIndex": 1, "ElseSubgraphIndex": 1})
    inspection = inspect_model(read_model(build(G(tensors, [O("RELU", (1,), (2,)), branch], (0, 1), (2, 3)), called)))
    assert inspection.peak.activation_bytes == (1 + 10 + 70 + 10) + 1010


def test_a_graph_without_operators_holds_its_inputs() -> None:
    tensors = [T("x", (10,)), T("unused", (20,)), T("c", (2,), data=[1, 2])]
    inspection = inspect_model(read_model(build(G(tensors, [], (0, 1), (2,)))))
    assert (inspection.layers, inspection.peak.activation_bytes) == ((), 30)


def test_variables_are_state_not_activations() -> None:
    tensors = [T("x", (1, 10)), weight(8, 10), weight(8, 2), T("s", (1, 16), variable=True), T("y", (1, 8))]
    svdf = O("SVDF", (0, 1, 2, -1, 3), (4,), "SVDFOptions", {"Rank": 1})
    peak = inspect_model(read_model(build(G(tensors, [svdf], (0,), (4,))))).peak
    assert (peak.activation_bytes, peak.state_bytes) == (18, 16)


def test_shapes_and_axes_are_not_parameters() -> None:
    tensors = [T("x", (1, 4)), T("shape", (2,), "INT32", data=[2, 2]), T("y", (2, 2))]
    inspection = inspect_model(read_model(build(G(tensors, [O("RESHAPE", (0, 1), (2,))], (0,), (2,)))))
    assert inspection.totals.parameters == 0


def test_the_inspection_is_json(shared_models: Path) -> None:
    for data in ((shared_models / "kws_ref_model.tflite").read_bytes(), conv_model()):
        inspection = inspect_model(read_model(data))
        content = json.loads(json.dumps(inspection.as_json(), allow_nan=False))
        assert content["totals"]["macs"] == inspection.totals.macs
        assert content["layers"][0]["operator"] == "CONV_2D"


def test_operators_outside_tflm_are_named() -> None:
    tensors = [T(name, (1, 4), "FLOAT32") for name in "abcd"]
    operators = [O("GELU", (0,), (1,)), O("CUSTOM:Mine", (1,), (2,)), O("RELU", (2,), (3,))]
    inspection = inspect_model(read_model(build(G(tensors, operators, (0,), (3,)))))
    assert inspection.outside_tflm == ("CUSTOM Mine", "GELU")
    assert [layer.in_tflm for layer in inspection.layers] == [False, False, True]
