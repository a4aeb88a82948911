"""Weights of few bits: the grid, the scales, straight-through training, and precisely those codes in the .tflite."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgepack.compress.keras.kernels import kernels
from edgepack.compress.quantization.int8 import channels_first
from edgepack.compress.quantization.lowbit import GRIDS, Grid, best_scales, round_to
from edgepack.compress.training.keep import most_values
from edgepack.compress.work import Work
from edgepack.convert.proof import prove
from edgepack.convert.survival import check_kernels
from edgepack.convert.tflite import run_converter
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import ProjectError, RecipeError
from edgepack.ground.progress import SilentProgress

from .small import digits, digits_net, fresh, noise, recipe


def quantize(model: Any, data: Any, kept: frozenset[Any] = frozenset(), **options: Any) -> tuple[Any, list[str]]:
    (step,) = recipe({"step": "quantize", "epochs": 1, "learning_rate": 0.001, **options})
    with SilentProgress().stage("") as task:
        work = Work(data, task, kept)
        return step.apply(model, work), work.notes


def file_codes(model: Any, data: Any) -> tuple[Any, dict[Any, Any]]:
    """The converted file, and the int8 constants by their size and whether they are depthwise."""
    with SilentProgress().stage("") as task:
        converted = read_model(run_converter(model, "int8", data, task))
    prove(converted, "int8")
    constants = [t.data for t in converted.subgraphs[0].tensors if t.data is not None and t.dtype == "int8"]
    return converted, {(array.size, array.ndim == 4 and len(array) == 1): array for array in constants}


def test_ternary_scales_are_those_of_ternary_weight_networks() -> None:
    """Li and Liu 2016: the scale is the mean size of what lies beyond the threshold, chosen for the least error."""
    row = np.random.default_rng(0).normal(size=500).astype(np.float32)
    errors = {}
    for threshold in np.linspace(0.01, 2, 400):
        beyond = np.abs(row) > threshold
        scale = np.abs(row[beyond]).mean()
        errors[scale] = np.square(row - np.sign(row) * beyond * scale).sum()
    optimum = min(errors, key=lambda scale: errors[scale])
    assert best_scales(row[None], GRIDS["ternary"])[0, 0] == pytest.approx(optimum, rel=0.03)


def test_no_other_scale_rounds_better() -> None:
    rows = np.random.default_rng(1).normal(size=(3, 400)).astype(np.float32)
    grid = GRIDS["int4"]
    best = np.square(rows - round_to(rows, best_scales(rows, grid), grid)).sum()
    for factor in (0.8, 0.9, 1.1, 1.3):
        assert best < np.square(rows - round_to(rows, best_scales(rows, grid) * np.float32(factor), grid)).sum()


def test_the_gradients_are_those_of_learned_step_size_quantization() -> None:
    """Esser et al. 2020, equation 3, for a weight below, within and beyond the grid, by hand; the logarithm trains."""
    import tensorflow as tf

    from edgepack.compress.quantization.fake_quant import classes

    quantizer = classes().KernelQuantizer("Dense", "kernel", Grid(3), True)
    kernel = tf.Variable([[-5.0], [0.7], [9.0]])
    scales = {"base": tf.Variable([2.0]), "log": tf.Variable([0.0])}
    with tf.GradientTape() as tape:
        result = quantizer(kernel, True, scales)
    by_kernel, by_log = tape.gradient(result, [kernel, scales["log"]])
    np.testing.assert_allclose(result[:, 0], [-4 if np.rint(-2.5) == -2 else -6, 0, 6])
    np.testing.assert_allclose(by_kernel[:, 0], [1, 1, 0])
    np.testing.assert_allclose(by_log, [2 * ((-2 - -2.5) + (0 - 0.35) + 3)], rtol=1e-6)


@pytest.mark.parametrize("weights", ["int6", "int4", "ternary", "binary"])
def test_the_file_holds_precisely_the_trained_levels(weights: str) -> None:
    grid = GRIDS[weights]
    model, notes = quantize(digits_net(), digits(), weights=weights, keep_int8=[])
    assert not any("kept int8" in note for note in notes)
    converted, codes = file_codes(model, digits())
    scales = trained_scales(model)
    for kernel in kernels(model):
        assert most_values(kernel, kernel.values) <= grid.codes
        rows = channels_first(kernel.kind, kernel.name, kernel.values)
        expected = np.rint(rows / scales[kernel.layer]) * grid.step
        depthwise = kernel.name == "depthwise_kernel"
        found = codes[rows.size, depthwise]
        found = found.reshape(-1, len(rows)).T if depthwise else found.reshape(rows.shape)
        signs = np.sign((found * expected).sum(axis=1, keepdims=True))  # folding a BatchNorm may turn a channel
        np.testing.assert_array_equal(found, expected * signs)
    layers = check_kernels(model, converted, ("clusters",))
    assert all(layer.found and layer.distinct <= grid.codes for layer in layers)


def trained_scales(model: Any) -> dict[str, Any]:
    """The trained scale of every output channel, (channels, 1), by layer."""
    found = {}
    for layer in model.layers:
        for _, _, scales in getattr(layer, "_weight_vars", []):
            found[layer.layer.name] = (scales["base"] * np.exp(scales["log"])).numpy()[:, None]
    return found


def test_first_last_and_depthwise_layers_keep_int8_by_default() -> None:
    model, _ = quantize(digits_net(), digits(), weights="ternary")
    counts = {kernel.layer: most_values(kernel, kernel.values) for kernel in kernels(model)}
    assert counts["pointwise"] == 3 and min(counts["stem"], counts["depthwise"]) == 9 and counts["head"] > 100


def test_zeros_of_pruning_stay_zero_in_ternary_weights() -> None:
    model = digits_net()
    for kernel in kernels(model):
        kernel.variable.assign(np.where(np.abs(kernel.values) < np.median(np.abs(kernel.values)), 0, kernel.values))
    zeros = {kernel.layer: kernel.values == 0 for kernel in kernels(model)}
    quantized, _ = quantize(model, digits(), frozenset({"zeros"}), weights="ternary", keep_int8=["first"])
    for kernel in kernels(quantized):
        assert not kernel.values[zeros[kernel.layer]].any()


def test_a_stored_model_opens_with_its_trained_scales(tmp_path: Any) -> None:
    from edgepack.compress.stored import open_stored, store_model

    from .small import source_of

    source = source_of(digits_net(), tmp_path / "source")
    model, _ = quantize(digits_net(), digits(), weights="int4", keep_int8=[])
    digest = store_model(model, tmp_path / "model.h5")
    opened = open_stored(source, tmp_path / "model.h5")
    assert store_model(opened, tmp_path / "again.h5") == digest
    images = digits().test.inputs[0][:50]
    np.testing.assert_array_equal(opened.predict(images, verbose=0), model.predict(images, verbose=0))


def test_other_kinds_of_layers_have_few_codes_a_channel_too() -> None:
    keras = fresh(0)
    layers = keras.layers
    start = keras.Input((12, 4))
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(layers.Conv1D(6, 5, name="line")(start)))
    x = layers.Reshape((4, 2, 6))(x)
    x = layers.Conv2DTranspose(5, 3, strides=2, activation="relu", name="up")(x)
    model = keras.Model(start, layers.Dense(3, name="head")(layers.GlobalAveragePooling2D()(x)))
    quantized, _ = quantize(model, noise(((12, 4),), 3), weights="int4", keep_int8=["last"])
    converted, codes = file_codes(quantized, noise(((12, 4),), 3))
    for size, outputs in ((120, 6), (270, 5)):
        assert all(len(set(row)) <= 15 for row in codes[size, False].reshape(outputs, -1).tolist())
    assert all(layer.found for layer in check_kernels(quantized, converted, ("clusters",)))


def test_binary_weights_after_pruning_are_refused() -> None:
    with pytest.raises(ProjectError, match="quantize would destroy the zeros that prune made") as caught:
        recipe({"step": "prune"}, {"step": "quantize", "weights": "binary"})
    assert caught.value.code == "EP-404"


def test_weights_of_few_bits_need_aware_training() -> None:
    with pytest.raises(ProjectError, match="weights has no meaning without aware training"):
        recipe({"step": "quantize", "aware": False, "weights": "int4"})


def test_a_recipe_that_keeps_every_layer_int8_is_refused() -> None:
    with pytest.raises(RecipeError, match="no layer is left for int4 weights") as caught:
        quantize(digits_net(), digits(), weights="int4", keep_int8=["*"])
    assert caught.value.code == "EP-412"
