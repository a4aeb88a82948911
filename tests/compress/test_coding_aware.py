"""Training that knows what coded weights cost: levels by error and bits, scales that hang together, biases with fewer bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgepack.coding import entropy_bytes
from edgepack.compress.keras.kernels import kernels
from edgepack.compress.quantization.lowbit import GRIDS, Grid, fitting_scales, round_to
from edgepack.compress.work import Work
from edgepack.convert.tflite import run_converter
from edgepack.flatbuffer import read_model
from edgepack.flatbuffer.rewrite.short_constants import short_constants
from edgepack.ground.errors import ProjectError
from edgepack.ground.progress import SilentProgress

from .small import digits, digits_net, recipe


def quantized(folded: bool = True, **options: Any) -> bytes:
    """The .tflite of the digits network after an epoch of aware training, its BatchNorms folded before or by the converter."""
    data, model = digits(), digits_net()
    rng = np.random.default_rng(0)
    for kernel in kernels(model):  # channels of different sizes, which no BatchNorm evens out once it is folded
        if kernel.name == "kernel":
            kernel.variable.assign(kernel.values * rng.uniform(0.3, 1.5, kernel.values.shape[-1]))
    with SilentProgress().stage("") as task:
        for step in recipe(
            *[{"step": "fold"}] * folded, {"step": "quantize", "epochs": 1, "learning_rate": 0.001, "patience": 0, **options}
        ):
            model = step.apply(model, Work(data, task, frozenset()))
        return run_converter(model, "int8", data, task)


def weights_of(content: bytes) -> dict[int, tuple[Any, Any]]:
    """Int8 constants with their scales, by size."""
    found = {}
    for tensor in read_model(content).subgraphs[0].tensors:
        if tensor.data is not None and tensor.dtype == "int8":
            assert tensor.quantization is not None
            found[tensor.data.size] = (np.asarray(tensor.data), np.asarray(tensor.quantization.scales, np.float64))
    return found


def test_scales_are_one_times_powers_of_two_in_the_file() -> None:
    for content in (quantized(scales="octaves", weights="int4", keep_int8=["first", "depthwise"]), quantized(scales="octaves")):
        found = weights_of(content)
        assert {scales.size for _, scales in found.values()} >= {12, 16}
        for _, scales in found.values():
            octaves = np.log2(scales / scales[0])
            np.testing.assert_array_equal(octaves, np.rint(octaves))
        assert any(np.unique(scales).size > 1 for _, scales in found.values())


def test_batch_normalization_keeps_powers_of_two() -> None:
    """Folding rounds; the scales are made exact when constants are shortened, and codes stay."""
    content = quantized(False, scales="octaves", weights="int4", keep_int8=["first", "depthwise"])
    exact = weights_of(short_constants(content))
    for size, (values, scales) in weights_of(content).items():
        octaves = np.log2(scales / scales[0])
        np.testing.assert_allclose(octaves, np.rint(octaves), atol=1e-5)
        octaves = np.log2(exact[size][1] / exact[size][1][0])
        np.testing.assert_array_equal(octaves, np.rint(octaves))
        np.testing.assert_array_equal(values, exact[size][0])
    assert any(np.unique(scales).size > 1 for _, scales in exact.values())


def test_one_scale_for_all_channels_in_the_file() -> None:
    found = weights_of(quantized(scales="layer", weights="int4", keep_int8=["depthwise"]))
    assert all(np.unique(scales).size == 1 for _, scales in found.values())
    assert max(np.unique(values).size for values, _ in found.values()) <= max(15, np.unique(found[108][0]).size)


def test_scales_that_hang_together_fit_nearly_as_well() -> None:
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(32, 90)) * rng.uniform(0.2, 3, (32, 1))).astype(np.float32)
    errors = {}
    for scales in ("channel", "octaves", "layer"):
        grid = Grid(7, scales=scales)  # type: ignore[arg-type]
        fitted = fitting_scales(rows, grid)
        assert len(np.unique(fitted)) <= {"channel": 32, "octaves": 6, "layer": 1}[scales]
        errors[scales] = np.square(rows - round_to(rows, fitted, grid)).sum()
    assert errors["channel"] < errors["octaves"] < 1.6 * errors["channel"] < errors["layer"]


def test_the_gradient_of_a_rate_is_that_of_the_bits() -> None:
    """By hand: of four weights two are at 0, one at 1, one at -2, and one more of each size is counted."""
    import tensorflow as tf

    from edgepack.compress.quantization.fake_quant import classes

    rate = 0.25
    quantizer = classes().KernelQuantizer("Dense", "kernel", Grid(2, rate=rate), True)
    kernel = tf.Variable([[0.0], [0.3], [1.2], [-1.8]])
    scales = {"base": tf.Variable([1.0]), "log": tf.Variable([0.0])}
    with tf.GradientTape() as tape:
        result = tf.reduce_sum(quantizer(kernel, True, scales))
    bits = -np.log2(np.array([3, 2 / 2, 2 / 2]) / 7)
    rises = rate * np.maximum(np.diff(bits), 0)
    by_kernel, by_log = tape.gradient(result, [kernel, scales["log"]])
    np.testing.assert_allclose(by_kernel[:, 0] - 1, [0, rises[0], rises[1], -rises[1]], atol=1e-6)
    with tf.GradientTape() as tape:
        plain = tf.reduce_sum(classes().KernelQuantizer("Dense", "kernel", Grid(2), True)(kernel, True, scales))
    without = tape.gradient(plain, scales["log"])
    np.testing.assert_allclose(by_log - without, [-0.3 * rises[0] - 3.0 * rises[1]], atol=1e-6)


def test_training_with_a_rate_leaves_fewer_bits_in_the_file() -> None:
    options = {"weights": "int4", "keep_int8": ["first", "depthwise"], "epochs": 3}
    plain, cheap = (weights_of(quantized(**options, rate=rate)) for rate in (0.0, 1.0))
    for size, (values, _) in cheap.items():
        if size != 108:  # what keeps int8
            assert set(np.unique(values)) <= {level * GRIDS["int4"].step for level in range(-7, 8)}
    sizes = [sum(entropy_bytes(values) for values, _ in each.values()) for each in (plain, cheap)]
    assert sizes[1] < 0.95 * sizes[0]


def test_constants_lose_what_is_hardly_seen() -> None:
    from ai_edge_litert.interpreter import Interpreter

    content = quantized()
    changed = short_constants(content)
    images = digits().test.inputs[0][:100]
    outputs = []
    for each in (content, changed):
        interpreter = Interpreter(model_content=each)
        interpreter.allocate_tensors()
        (entry,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
        scale, zero = entry["quantization"]
        answers = []
        for image in images:
            interpreter.set_tensor(entry["index"], np.clip(np.rint(image[None] / scale) + zero, -128, 127).astype(np.int8))
            interpreter.invoke()
            answers.append(interpreter.get_tensor(result["index"])[0].astype(int))
        outputs.append(np.array(answers))
    assert np.abs(outputs[0] - outputs[1]).max() <= 4
    before, after = (
        [
            tensor
            for tensor in read_model(each).subgraphs[0].tensors
            if tensor.dtype == "int32" and tensor.quantization is not None
        ]
        for each in (content, changed)
    )
    bits = []
    for old, new in zip(before, after, strict=True):
        common = int(np.bitwise_or.reduce(np.asarray(new.data).ravel()))
        bits.append((common & -common).bit_length() - 1)
        scales = [np.asarray(each.quantization.scales) for each in (old, new) if each.quantization is not None]
        moved = np.asarray(old.data) * scales[0] - np.asarray(new.data) * scales[1]
        assert np.abs(moved).max() <= 2.0 ** bits[-1] / 2 * scales[1].max() * 1.001
    assert max(bits) >= 3


@pytest.mark.parametrize(
    "options, named",
    [
        ({"rate": 0.1}, "rate"),
        ({"rate": 0.1, "weights": "binary"}, "rate"),
        ({"scales": "octaves", "aware": False}, "scales"),
        ({"short_constants": True, "scheme": "int16x8"}, "short_constants"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ProjectError, match=named):
        recipe({"step": "quantize", **options})
