"""Malformed models, one kind each: a clear refusal, or C that runs, and never a Python exception of another kind."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from edgepack.compile import CCode, compile_model
from edgepack.compile.call import Call
from edgepack.compile.graph import Graph, Value
from edgepack.compile.plan import make_plan
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import CompileError
from tests.compile.builder import ModelBuilder
from tests.compile.harness import Case, assert_exact
from tests.compile.host import build


def compiled(model: bytes, cpu: str = "generic") -> CCode:
    return compile_model(read_model(model), "m", cpu)


def refusal(model: bytes) -> CompileError:
    with pytest.raises(CompileError) as caught:
        compiled(model)
    assert caught.value.hint
    assert str(caught.value).isprintable()
    return caught.value


def convolution(channels: int = 4, out_scale: float = 0.1, inputs: tuple[int, ...] = (0, 1), **options: int) -> bytes:
    """1x6x6 pixels, 3x3 kernels, four channels out, behind a ReLU of constant channels; `inputs` of the convolution."""
    b = ModelBuilder()
    x = b.tensor((1, 6, 6, channels), scale=0.1)
    b.constant(np.ones((4, 3, 3, max(channels, 1))), "int8", scale=0.1)
    y = b.tensor((1, 6, 6, 4), scale=out_scale, zero_point=-128)
    b.operator("CONV_2D", inputs, [y], "Conv2DOptions", **{"padding": 0, "strideH": 1, "strideW": 1, **options})
    return b.finish([x], [y])


def behind_dead_channels(inputs: tuple[int, ...]) -> bytes:
    """A convolution of these inputs beside two, between which channels are constant and half of them go."""
    b = ModelBuilder()
    x = b.tensor((1, 6, 6, 8), scale=0.1, zero_point=-128)
    w = b.constant(np.zeros((8, 1, 1, 8)), "int8", scale=0.1)
    dead = b.tensor((1, 6, 6, 8), scale=0.1, zero_point=-128)
    y = b.tensor((1, 6, 6, 8), scale=0.1, zero_point=-128)
    one = {"padding": 0, "strideH": 1, "strideW": 1}
    b.operator("CONV_2D", [x, w], [dead], "Conv2DOptions", **one)
    b.operator("CONV_2D", [{0: dead, 1: w}.get(i, i) for i in inputs], [y], "Conv2DOptions", **one)
    z = b.tensor((1, 6, 6, 8), scale=0.1, zero_point=-128)
    b.operator("CONV_2D", [dead, w], [z], "Conv2DOptions", **one)
    return b.finish([x], [y, z])


@pytest.mark.parametrize("inputs", [(), (-1,), (-1, 1), (0,)])
def test_a_convolution_without_its_operands_is_refused(inputs: tuple[int, ...]) -> None:
    error = refusal(behind_dead_channels(inputs))
    assert (error.code, "CONV_2D" in str(error)) == ("EP-705", True)


def test_a_convolution_of_no_channels_has_no_groups_to_divide_by() -> None:
    assert "filters of depth 1 for 0 channels" in str(refusal(convolution(channels=0)))


def test_an_output_of_another_width_than_the_weights_keeps_its_channels() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 8), scale=0.1)
    w = b.constant(np.zeros((8, 8)), "int8", scale=0.1)
    dead = b.tensor((1, 8), scale=0.1, zero_point=-128)
    y = b.tensor((8, 1), scale=0.1)
    b.operator("FULLY_CONNECTED", [x, w], [dead], "FullyConnectedOptions")
    b.operator("FULLY_CONNECTED", [dead, w], [y], "FullyConnectedOptions")
    compiled(b.finish([x], [y]))


@pytest.mark.parametrize("cpu", ["generic", "cortex-m4", "cortex-m55"])
def test_an_output_scale_that_shifts_left_by_more_than_the_fast_kernels_do_compiles(cpu: str) -> None:
    assert_exact([Case("steep", convolution(out_scale=1e-5), "tflite-micro")], (cpu,))


@pytest.mark.parametrize("mask", [-1, 1 << 5, 1 << 31])
def test_masks_of_a_slice_beyond_its_positions_stand_for_none(mask: int) -> None:
    b = ModelBuilder()
    x = b.tensor((4, 6), scale=0.1)
    begin, end, strides = (b.constant(np.array(n)) for n in ([0, 0], [4, 6], [1, 2]))
    y = b.tensor((4, 3), scale=0.1)
    value = mask - (1 << 32) if mask == 1 << 31 else mask
    b.operator("STRIDED_SLICE", [x, begin, end, strides], [y], "StridedSliceOptions", ellipsisMask=value)
    model = b.finish([x], [y])
    if mask == -1:  # every position is an ellipsis
        assert "two ellipses" in str(refusal(model))
    else:
        compiled(model)


def test_a_model_without_inputs_computes_what_its_constants_say() -> None:
    b = ModelBuilder()
    x = b.constant(np.array([[-3, 5, -7, 9]]), "int8", scale=0.1)
    y = b.tensor((1, 4), scale=0.1)
    b.operator("RELU", [x], [y])
    (host,) = build([compiled(b.finish([], [y]))], ["-O1"])
    assert host.run([])[0].tolist() == [[0, 5, 0, 9]]


@pytest.mark.parametrize("inputs", [[], [0]])
def test_a_model_without_outputs_is_refused(inputs: list[int]) -> None:
    b = ModelBuilder()
    b.tensor((1, 4), scale=0.1)
    error = refusal(b.finish(inputs, []))
    assert (error.code, "no output" in str(error)) == ("EP-701", True)


def test_a_dequantize_without_an_input_begins_no_table() -> None:
    b = ModelBuilder()
    x, f, g, y = (
        b.tensor((1, 4), scale=0.1),
        b.tensor((1, 4), "float32"),
        b.tensor((1, 4), "float32"),
        b.tensor((1, 4), scale=0.1),
    )
    b.operator("DEQUANTIZE", [-1], [f])
    b.operator("SIN", [f], [g])
    b.operator("QUANTIZE", [g], [y])
    refusal(b.finish([x], [y]))


@pytest.mark.parametrize("axes", [np.array([np.nan], "float32"), np.array([1.0], "float32"), np.array([1], "int8")])
def test_axes_are_integers_of_32_or_64_bits(axes: np.ndarray) -> None:
    b = ModelBuilder()
    x, a, y = b.tensor((1, 4, 4), scale=0.1), b.constant(axes, str(axes.dtype)), b.tensor((1, 4), scale=0.1)
    b.operator("MEAN", [x, a], [y], "ReducerOptions")
    error = refusal(b.finish([x], [y]))
    assert (error.code, f"type {axes.dtype}" in str(error)) == ("EP-704", True)


def test_a_transposed_convolution_whose_sums_leave_32_bits_is_refused() -> None:
    b = ModelBuilder()
    shape, w = b.constant(np.array([1, 2, 2, 1])), b.constant(np.full((1, 2, 2, 1), 100), "int8", scale=0.1)
    x, bias = b.tensor((1, 1, 1, 1), scale=0.1), b.constant(np.array([(1 << 31) - 1]), scale=0.01)
    y = b.tensor((1, 2, 2, 1), scale=1e6)
    b.operator("TRANSPOSE_CONV", [shape, w, x, bias], [y], "TransposeConvOptions", padding=1, strideH=2, strideW=2)
    assert "can overflow its accumulator" in str(refusal(b.finish([x], [y])))


@pytest.mark.parametrize("options", [{"strideH": 0}, {"strideW": -1}, {"strideH": 1 << 30}, {"dilationWFactor": 1 << 29}])
def test_windows_whose_steps_leave_32_bits_are_refused(options: dict[str, int]) -> None:
    error = refusal(convolution(**options))
    assert error.code == "EP-704"
    assert "strides of" in str(error)


def test_a_scale_whose_inverse_is_infinite_is_refused_by_name() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), scale=0.1), b.tensor((1, 4), scale=1e-45)
    b.operator("TANH", [x], [y])
    assert "scales too far apart" in str(refusal(b.finish([x], [y])))


def test_an_extent_of_zero_hides_no_huge_one() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), scale=0.1), b.tensor((1, 4), scale=0.1)
    b.tensor((0, 1_700_000_000), scale=0.1)
    b.operator("RELU", [x], [y])
    assert refusal(b.finish([x], [y])).code == "EP-701"


def test_states_of_gigabytes_are_refused_before_they_are_made() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), scale=0.1), b.tensor((1, 4), scale=0.1)
    b.tensor(((1 << 28) - 1,), "int32", variable=True)
    b.operator("RELU", [x], [y])
    assert "take 1073741820 bytes" in str(refusal(b.finish([x], [y])))


@pytest.mark.parametrize("signature", [None, (-1, 4)])
def test_constants_that_a_small_file_asks_for_are_bounded_together(signature: tuple[int, ...] | None) -> None:
    """Forty constants of 64 MiB, in 4 kB, and unused: the first few are computed, the others left."""
    b = ModelBuilder()
    x, y = b.tensor((1, 4), scale=0.1, signature=signature), b.tensor((1, 4), scale=0.1)
    b.operator("RELU", [x], [y])
    shape, value = b.constant(np.array([1 << 24])), b.constant(np.array([3]))
    for _ in range(40):
        b.operator("FILL", [shape, value], [b.tensor((1 << 24,), "int32")])
    compiled(b.finish([x], [y]))


def test_a_reshape_of_a_state_into_itself_is_a_copy() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), scale=0.1), b.tensor((1, 4), scale=0.1)
    state = b.tensor((4,), scale=0.1, variable=True)
    b.operator("RELU", [x], [y])
    b.operator("RESHAPE", [state], [state])
    assert "ep_copy" in compiled(b.finish([x], [y])).kernels


def test_offsets_of_a_long_axis_do_not_become_a_table() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1 << 24, 3), scale=0.1), b.tensor((1 << 24, 4), scale=0.1)
    indices = b.constant(np.array([0, 2, 1, 0]))
    b.operator("GATHER", [x, indices], [y], "GatherOptions", axis=1)
    assert "has no kernel for this form" in str(refusal(b.finish([x], [y])))


def test_a_name_cannot_act_on_the_terminal_through_a_message() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4), scale=0.1)
    y = b.tensor((1, 5), scale=0.1, name="\x1b[2J\x07evil\u202e/name")
    b.operator("RELU", [x], [y])
    assert "?[2J?evil?" in str(refusal(b.finish([x], [y])))


def test_buffers_that_all_live_at_once_get_places_that_do_not_overlap() -> None:
    """More pairs than are compared: 2,100 values, each written by a call, all read by the last."""
    count = 2_100
    values = {i: Value(i, f"v{i}", (8 + i % 5,), "int8") for i in range(count + 2)}
    calls = [Call("k", "k.h", {}, (count,), (i,), scratch=12) for i in range(count)]
    calls.append(Call("k", "k.h", {}, tuple(range(count)), (count + 1,)))
    plan = make_plan(Graph(values, (), (count,), (count + 1,)), calls)
    ends = sorted((plan.offsets[i], plan.offsets[i] + values[i].bytes) for i in range(count))
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(ends))
    assert ends[-1][1] <= plan.arena_size
