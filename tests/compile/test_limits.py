"""Models at the limits of what the faster kernels may take: one step beyond, and the general form must be chosen to stay exact.

Random data does not come near these limits; each model here was made to cross one.
"""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import CompileError
from tests.compile.builder import ModelBuilder
from tests.compile.harness import Case, assert_exact, inputs_for
from tests.compile.reference import run_reference


def spread(model: bytes) -> int:
    """How many different outputs the reference gives: a test of bits that are all clamped would say nothing."""
    outputs = run_reference(model, inputs_for(read_model(model), 3, 1))
    return len(np.unique(np.concatenate([output.ravel() for (output,) in outputs])))


def long_rows(in_size: int, zero_point: int) -> bytes:
    """FULLY_CONNECTED with weights of 127 and one output in the middle of its range.

    The scales give the smallest multiplier that the short requantisation takes.
    """
    b = ModelBuilder()
    x = b.tensor((1, in_size), scale=0.01, zero_point=zero_point)
    w = b.constant(np.full((4, in_size), 127), "int8", scale=0.01)
    bias = b.constant(np.array([0, 1 << 20, -(1 << 24), 12345]), "int32", scale=1e-4)
    y = b.tensor((1, 4), scale=1e-4 * 2**22.7, zero_point=-128)
    b.operator("FULLY_CONNECTED", [x, w, bias], [y], "FullyConnectedOptions", version=4)
    return b.finish([x], [y])


def test_sums_are_bounded_with_the_inputs_zero_point() -> None:
    """34,000 x 127 x 127 is below 2^30, which the short requantisation needs; with zero point -128 it is 34,000 x 127 x 255."""
    model = long_rows(34_000, -128)
    assert spread(model) > 3
    assert_exact([Case("34,000 inputs, zero point -128", model), Case("34,000 inputs, zero point 127", long_rows(34_000, 127))])


def smallest_weights(weights: np.ndarray) -> bytes:
    """CONV_2D, 3x3, eight channels in and out, with these weights."""
    b = ModelBuilder()
    x = b.tensor((1, 6, 6, 8), scale=0.05, zero_point=3)
    w = b.constant(weights, "int8", scale=0.01)
    bias = b.constant(np.arange(-4, 4) * 5000, "int32", scale=5e-4)
    y = b.tensor((1, 6, 6, 8), scale=1.5)
    options = {"padding": "SAME", "strideH": 1, "strideW": 1}
    b.operator("CONV_2D", [x, w, bias], [y], "Conv2DOptions", version=3, **options)
    return b.finish([x], [y])


def test_pairs_of_the_smallest_weight_stay_exact() -> None:
    """The DSP kernels' stream holds 256 B + A in 16 bits, which -128 twice leaves. Converters stop at -127; a file need not."""
    rng = np.random.default_rng(3)
    mixed = np.where(rng.random((8, 3, 3, 8)) < 0.3, -128, rng.integers(-128, 128, (8, 3, 3, 8)))
    models = {"all -128": smallest_weights(np.full((8, 3, 3, 8), -128)), "some -128": smallest_weights(mixed)}
    assert all(spread(model) > 20 for model in models.values())
    cases = [Case(label, model) for label, model in models.items()]
    assert_exact(cases, ("generic", "cortex-m0plus", "cortex-m4", "cortex-m55"))


def stuck_channels(in_size: int, kernel: int, stride: int, before: int | None = None) -> bytes:
    """A 1x1 convolution whose odd channels are stuck at 127, far from their zero point, read by one with SAME padding.

    `before` instead: rows above and columns on the left that a PAD adds for a VALID convolution.
    """
    b, rng = ModelBuilder(), np.random.default_rng(5)
    x = b.tensor((1, in_size, in_size, 3), scale=0.05, zero_point=3)
    hidden = b.tensor((1, in_size, in_size, 8), scale=0.5, zero_point=-128)
    out = -(-in_size // stride) if before is None else (in_size + before - kernel) // stride + 1
    y = b.tensor((1, out, out, 4), scale=3.0)
    first = b.constant(rng.integers(-127, 128, (8, 1, 1, 3)), "int8", scale=0.01)
    bias = b.constant(np.where(np.arange(8) % 2, 1 << 24, 100), "int32", scale=5e-4)
    second = b.constant(rng.integers(-127, 128, (4, kernel, kernel, 8)), "int8", scale=0.01)
    other = b.constant(rng.integers(-900, 900, 4), "int32", scale=5e-3)
    steps = {"strideH": 1, "strideW": 1}, {"strideH": stride, "strideW": stride}
    b.operator("CONV_2D", [x, first, bias], [hidden], "Conv2DOptions", version=3, padding="VALID", **steps[0])
    read, padding = hidden, "SAME"
    if before is not None:
        read, padding = b.tensor((1, in_size + before, in_size + before, 8), scale=0.5, zero_point=-128), "VALID"
        margins = b.constant(np.array([[0, 0], [before, 0], [before, 0], [0, 0]]))
        b.operator("PAD", [hidden, margins], [read], "PadOptions", version=2)
    b.operator("CONV_2D", [read, second, other], [y], "Conv2DOptions", version=3, padding=padding, **steps[1])
    return b.finish([x], [y])


@pytest.mark.parametrize(
    ("in_size", "kernel", "stride", "before", "channels"),
    [
        (5, 2, 2, None, 8),  # SAME pads nothing before, one row and column after
        (6, 2, 2, None, 4),  # SAME, but the windows end with the input
        (5, 3, 2, None, 8),  # one before and one after
        (7, 1, 2, None, 4),  # a window of one never meets padding
        (6, 3, 3, None, 4),
        (6, 4, 2, None, 8),
        (5, 2, 2, 1, 8),  # padding before only
        (6, 2, 2, 0, 4),
    ],
)
def test_a_constant_channel_is_folded_only_where_no_window_meets_padding(
    in_size: int, kernel: int, stride: int, before: int | None, channels: int
) -> None:
    """Padding adds the zero point, not the channel's constant, and SAME may pad only below and to the right."""
    model = stuck_channels(in_size, kernel, stride, before)
    assert spread(model) > 20
    assert compile_model(read_model(model), "m").layers[0].output_shape[-1] == channels
    assert_exact([Case(f"{in_size}x{in_size}, kernel {kernel}, stride {stride}, before {before}", model)])


def few_steps(stride: int, padding: str, seed: int) -> bytes:
    """DEPTHWISE_CONV_2D, 3x3, with small weights and an output scale of a few accumulator steps: multipliers of 1/8 to 1/2."""
    b, rng = ModelBuilder(), np.random.default_rng(seed)
    x = b.tensor((1, 7, 6, 8), scale=0.1, zero_point=int(rng.integers(-128, 128)))
    scales = (0.1 * rng.uniform(0.13, 0.49, 8)).astype(np.float32)
    w = b.constant(rng.integers(-2, 3, (1, 3, 3, 8)), "int8", scale=scales, axis=3)
    bias = b.constant(rng.integers(-50, 300, 8), "int32", scale=scales * np.float32(0.1))
    size = [-(-n // stride) if padding == "SAME" else (n - 3) // stride + 1 for n in (7, 6)]
    y = b.tensor((1, *size, 8), scale=0.1 * 0.1, zero_point=-128)
    options = {"padding": padding, "strideH": stride, "strideW": stride, "depthMultiplier": 1}
    b.operator("DEPTHWISE_CONV_2D", [x, w, bias], [y], "DepthwiseConv2DOptions", version=3, **options)
    return b.finish([x], [y])


@pytest.mark.parametrize(("stride", "kernel"), [(1, "ep_depthwise_3x3"), (2, "ep_depthwise_3x3_stride2")])
def test_outputs_of_few_steps_have_their_weights_made_larger(stride: int, kernel: str) -> None:
    """Scaled by 256 alone, no one-sided constants are exact for multipliers from 1/8 on; the weights then take a factor."""
    models = [few_steps(stride, padding, seed) for padding in ("SAME", "VALID") for seed in range(6)]
    for model in models:
        code = compile_model(read_model(model), "m", "cortex-m4")
        assert kernel in code.kernels and spread(model) > 50
        assert "factor = 4" in code.files["m.c"]
    assert_exact([Case(f"few steps {number}", model) for number, model in enumerate(models)])


def steep(ratio: float, slope_scale: float) -> bytes:
    """PRELU whose output's step is `ratio` times finer than its input's."""
    b, rng = ModelBuilder(), np.random.default_rng(2)
    x, y = b.tensor((1, 3, 3, 8), scale=1.0, zero_point=-5), b.tensor((1, 3, 3, 8), scale=1 / ratio, zero_point=7)
    slopes = b.constant(rng.integers(-128, 128, (1, 1, 8)), "int8", scale=slope_scale, zero_point=3)
    b.operator("PRELU", [x, slopes], [y])
    return b.finish([x], [y])


@pytest.mark.parametrize(
    ("ratio", "slope_scale", "is_refused"),
    [(2**21.9, 2**-10, False), (2**22.1, 2**-10, True), (2**8, 2**5.9, False), (2**8, 2**6.1, True), (2**22.1, 2**6.1, True)],
)
def test_left_shifts_that_could_overflow_are_refused(ratio: float, slope_scale: float, is_refused: bool) -> None:
    """A difference of 8 bits may move left by 22, a product of 16 bits by 14; then the reference is defined, and met."""
    model = steep(ratio, slope_scale)
    if is_refused:
        with pytest.raises(CompileError, match="much smaller"):
            compile_model(read_model(model), "m")
    else:
        assert_exact([Case(f"PRELU, {ratio} and {slope_scale}", model)])


def one_far_scale(operator: str, zero_point: int) -> bytes:
    """Eight channels, the last with the scale that converters give a filter of zeros, and the largest bias."""
    b, rng = ModelBuilder(), np.random.default_rng(6)
    scales = np.array([0.01] * 7 + [5e-7 / 127], np.float32)
    depthwise, dense = operator == "DEPTHWISE_CONV_2D", operator == "FULLY_CONNECTED"
    x = b.tensor((1, 72) if dense else (1, 5, 5, 8), scale=0.05, zero_point=-3)
    shape = (8, 72) if dense else (1, 3, 3, 8) if depthwise else (8, 3, 3, 8)
    weights = rng.integers(-127, 128, shape)
    w = b.constant(weights, "int8", scale=scales, axis=3 if depthwise else 0)
    bias = b.constant([*rng.integers(-9000, 9000, 7), 1 << 29], "int32", scale=scales * np.float32(0.05))
    y = b.tensor((1, 8) if dense else (1, 5, 5, 8), scale=0.6, zero_point=zero_point)
    steps = {"padding": "SAME", "strideH": 1, "strideW": 1}
    table, fields = {
        "CONV_2D": ("Conv2DOptions", steps),
        "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", {**steps, "depthMultiplier": 1}),
        "FULLY_CONNECTED": ("FullyConnectedOptions", {}),
    }[operator]
    b.operator(operator, [x, w, bias], [y], table, version=5 if dense else 3, **fields)
    return b.finish([x], [y])


@pytest.mark.parametrize("operator", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
def test_one_channel_beyond_the_short_shifts_takes_the_general_form(operator: str) -> None:
    """The short requantisation shifts right by 1 to 22; every channel must be in that range."""
    engine = "tflite-micro" if operator == "FULLY_CONNECTED" else "tflite-ref"
    cases = [Case(f"{operator}, zero point {zero}", one_far_scale(operator, zero), engine) for zero in (-128, 0, 100)]
    assert_exact(cases, ("generic", "cortex-m0plus", "cortex-m4", "cortex-m55"))
