"""Graphs as converters write them: dynamic batches, several inputs and outputs, outputs that nothing computes, fused padding."""

from __future__ import annotations

import numpy as np

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from tests.compile.builder import TYPES, ModelBuilder
from tests.compile.cases import filter_scales
from tests.compile.harness import Case, assert_exact


def kernels(model: bytes, cpu: str = "generic") -> list[str]:
    return [layer.kernel for layer in compile_model(read_model(model), "m", cpu).layers]


def dense(b: ModelBuilder, x: int, in_size: int, out_size: int, rng: np.random.Generator, batch: int = 1) -> int:
    w = b.constant(rng.integers(-127, 128, (out_size, in_size)), "int8", scale=0.01)
    bias = b.constant(rng.integers(-500, 500, out_size), "int32", scale=0.001)
    y = b.tensor((batch, out_size), scale=0.5, zero_point=3)
    b.operator("FULLY_CONNECTED", [x, w, bias], [y], "FullyConnectedOptions", version=4)
    return y


def test_a_flatten_with_a_dynamic_batch_costs_nothing() -> None:
    b, rng = ModelBuilder(), np.random.default_rng(1)
    x = b.tensor((1, 3, 4, 2), scale=0.1, zero_point=-5, signature=(-1, 3, 4, 2))
    shape = b.tensor((4,), "int32")
    batch = b.tensor((), "int32")
    target = b.tensor((2,), "int32")
    flat = b.tensor((1, 24), scale=0.1, zero_point=-5, signature=(-1, 24))
    zero, one = b.constant(np.array([0])), b.constant(np.array([1]))
    b.operator("SHAPE", [x], [shape], "ShapeOptions", outType=TYPES["int32"])
    b.operator("STRIDED_SLICE", [shape, zero, one, one], [batch], "StridedSliceOptions", shrinkAxisMask=1)
    b.operator("PACK", [batch, b.constant(np.array(24))], [target], "PackOptions", valuesCount=2, axis=0)
    b.operator("RESHAPE", [x, target], [flat], "ReshapeOptions")
    y = dense(b, flat, 24, 5, rng)
    model = b.finish([x], [y])
    assert kernels(model) == ["ep_fully_connected"]
    assert_exact([Case("flatten", model)])


def test_inputs_and_outputs_are_the_callers_in_the_models_order() -> None:
    b, rng = ModelBuilder(), np.random.default_rng(2)
    first = b.tensor((1, 6), scale=0.1, zero_point=4)
    second = b.tensor((1, 6), scale=0.2, zero_point=-9)
    total = b.tensor((1, 6), scale=0.3)
    b.operator("ADD", [first, second], [total], "AddOptions", version=2)
    y = dense(b, total, 6, 3, rng)
    reshaped = b.tensor((3, 1), scale=0.5, zero_point=3)
    b.operator("RESHAPE", [y, b.constant(np.array([3, 1]))], [reshaped], "ReshapeOptions")
    model = b.finish([second, first], [reshaped, total, y])
    code = compile_model(read_model(model), "m")
    assert (
        "int m_run(const int8_t *input_0, const int8_t *input_1, int8_t *output_0, int8_t *output_1, int8_t *output_2"
        in (code.files["m.h"])
    )
    assert_exact([Case("ports", model)])


def test_an_input_handed_out_reshaped_is_copied() -> None:
    b = ModelBuilder()
    x = b.tensor((2, 6), scale=0.1)
    y, z = b.tensor((3, 4), scale=0.1), b.tensor((2, 6), scale=0.1)
    b.operator("RESHAPE", [x, b.constant(np.array([3, 4]))], [y], "ReshapeOptions")
    b.operator("RELU", [x], [z], version=2)
    model = b.finish([x], [y, z])
    assert kernels(model) == ["ep_copy", "ep_line"]
    assert_exact([Case("copy", model)])


def test_padding_is_fused_into_a_valid_convolution() -> None:
    rng, models = np.random.default_rng(3), []
    for operator, options in (("CONV_2D", "Conv2DOptions"), ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions")):
        b = ModelBuilder()
        x = b.tensor((1, 7, 6, 4), scale=0.1, zero_point=11)
        padded = b.tensor((1, 8, 9, 4), scale=0.1, zero_point=11)
        paddings = b.constant(np.array([[0, 0], [0, 1], [1, 2], [0, 0]]))
        b.operator("PAD", [x, paddings], [padded], "PadOptions", version=2)
        scales = filter_scales(rng, 4, True)
        depthwise = operator != "CONV_2D"
        shape = (1, 3, 3, 4) if depthwise else (4, 3, 3, 4)
        w = b.constant(rng.integers(-127, 128, shape), "int8", scale=scales, axis=3 if depthwise else 0)
        bias = b.constant(rng.integers(-900, 900, 4), "int32", scale=scales * np.float32(0.1))
        y = b.tensor((1, 3, 4, 4), scale=0.9)
        b.operator(operator, [padded, w, bias], [y], options, version=3, padding="VALID", strideH=2, strideW=2)
        models.append(b.finish([x], [y]))
    assert [kernels(model) for model in models] == [["ep_conv_2d"], ["ep_depthwise_conv_2d"]]
    assert_exact([Case(f"pad {i}", model) for i, model in enumerate(models)])


def test_a_padded_tensor_that_others_read_is_not_fused() -> None:
    b, rng = ModelBuilder(), np.random.default_rng(4)
    x = b.tensor((1, 4, 4, 1), scale=0.1, zero_point=1)
    padded = b.tensor((1, 6, 6, 1), scale=0.1, zero_point=1)
    paddings = b.constant(np.array([[0, 0], [1, 1], [1, 1], [0, 0]]))
    b.operator("PAD", [x, paddings], [padded], "PadOptions", version=2)
    w = b.constant(rng.integers(-127, 128, (2, 3, 3, 1)), "int8", scale=0.01)
    bias = b.constant(rng.integers(-900, 900, 2), "int32", scale=0.001)
    y = b.tensor((1, 4, 4, 2), scale=0.2)
    b.operator("CONV_2D", [padded, w, bias], [y], "Conv2DOptions", version=3, padding="VALID", strideH=1, strideW=1)
    model = b.finish([x], [y, padded])
    assert kernels(model) == ["ep_pad", "ep_conv_2d"]
    assert_exact([Case("shared pad", model)])


def test_a_batch_of_several_images() -> None:
    b, rng = ModelBuilder(), np.random.default_rng(5)
    x = b.tensor((3, 5, 5, 2), scale=0.1, zero_point=-3)
    w = b.constant(rng.integers(-127, 128, (4, 3, 3, 2)), "int8", scale=0.01)
    bias = b.constant(rng.integers(-900, 900, 4), "int32", scale=0.001)
    y, z = b.tensor((3, 5, 5, 4), scale=0.2), b.tensor((3, 2, 2, 4), scale=0.2)
    b.operator("CONV_2D", [x, w, bias], [y], "Conv2DOptions", version=3, padding="SAME", strideH=1, strideW=1)
    pool = {"padding": "VALID", "strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2}
    b.operator("MAX_POOL_2D", [y], [z], "Pool2DOptions", version=2, **pool)
    assert_exact([Case("batch", b.finish([x], [z]))])


def test_results_nobody_reads_are_not_computed() -> None:
    b, rng = ModelBuilder(), np.random.default_rng(6)
    x = b.tensor((1, 6), scale=0.1)
    dense(b, x, 6, 9, rng)
    y = dense(b, x, 6, 3, rng)
    assert kernels(b.finish([x], [y])) == ["ep_fully_connected"]


def test_dense_layers_with_a_scale_for_each_output() -> None:
    """tflite-runtime is older than per-channel dense layers; tflite-micro defines them."""
    cases = []
    for seed in range(20):
        b, rng = ModelBuilder(), np.random.default_rng(seed)
        in_size, out_size = int(rng.integers(1, 90)), int(rng.integers(2, 40))
        scales = filter_scales(rng, out_size, True)
        x = b.tensor((1, in_size), scale=0.05, zero_point=int(rng.integers(-128, 128)))
        w = b.constant(rng.integers(-127, 128, (out_size, in_size)), "int8", scale=scales)
        bias = b.constant(rng.integers(-2000, 2000, out_size), "int32", scale=scales * np.float32(0.05))
        y = b.tensor((1, out_size), scale=float(rng.uniform(0.05, 0.5)), zero_point=int(rng.integers(-128, 128)))
        b.operator("FULLY_CONNECTED", [x, w, bias], [y], "FullyConnectedOptions", version=4)
        cases.append(Case(f"per-channel dense {seed}", b.finish([x], [y]), "tflite-micro"))
    assert_exact(cases)
