"""Aware training wraps what it can, names what it cannot, begins with sensible ranges, and keeps zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgepack.compress.keras.kernels import kernels
from edgepack.compress.keras.models import import_tfmot
from edgepack.compress.quantization import aware
from edgepack.compress.training.keep import Keeper
from edgepack.compress.work import Structure, Work
from edgepack.convert.proof import prove
from edgepack.convert.tflite import run_converter
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import RecipeError
from edgepack.ground.progress import SilentProgress

from .conftest import Walk
from .small import digits, digits_net, fresh, noise, recipe


def quantize(model: Any, data: Any, kept: frozenset[Structure] = frozenset(), **options: Any) -> tuple[Any, list[str]]:
    (step,) = recipe({"step": "quantize", "epochs": 1, **options})
    with SilentProgress().stage("") as task:
        work = Work(data, task, kept)
        return step.apply(model, work), work.notes


def wrapped(model: Any) -> set[str]:
    return {layer.layer.name for layer in model.layers if type(layer).__name__ == "QuantizeWrapperV2"}


def test_zeros_of_pruning_survive_aware_training_one_by_one(walk: Walk) -> None:
    before = {kernel.layer: kernel.values == 0 for kernel in kernels(walk.model("prune"))}
    after = {kernel.layer: kernel.values == 0 for kernel in kernels(walk.model("quantize"))}
    assert before.keys() == after.keys() == {"stem", "depthwise", "pointwise", "head"}
    for layer, zeros in before.items():
        np.testing.assert_array_equal(zeros, after[layer])
    pairs = zip(kernels(walk.model("prune")), kernels(walk.model("quantize")), strict=True)
    assert all(not np.array_equal(first.values, second.values) for first, second in pairs)


def test_zeros_are_not_held_where_no_step_made_them() -> None:
    model = digits_net()
    kernel = model.get_layer("head").kernel
    kernel.assign(np.where(np.arange(kernel.shape[0])[:, None] < 10, 0, kernel.numpy()))
    quantized, _ = quantize(model, digits(), learning_rate=0.01)
    (head,) = (kernel for kernel in kernels(quantized) if kernel.layer == "head")
    assert np.count_nonzero(head.values == 0) < 100


def test_lost_zeros_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    model = digits_net()
    model.get_layer("head").kernel.assign(np.zeros((144, 10)))
    callback = import_callback()
    real = Keeper.__init__

    def without_projection(keeper: Keeper, *given: Any, **named: Any) -> None:
        real(keeper, *given, **named)
        keeper.callback = callback

    monkeypatch.setattr(Keeper, "__init__", without_projection)
    with pytest.raises(RecipeError, match="zeros made by pruning") as caught:
        quantize(model, digits(), frozenset({"zeros"}))
    assert caught.value.code == "EP-414"


def import_callback() -> Any:
    from edgepack.sources import import_tf_keras

    return import_tf_keras().callbacks.Callback()


def test_layers_that_tf_mot_refuses_are_simulated_all_the_same() -> None:
    keras = fresh(0)
    layers = keras.layers
    start = keras.Input((12, 12, 3))
    x = layers.Rescaling(0.1, name="scale")(start)
    x = layers.Conv2D(8, 3, activation="relu6", name="relu6")(x)
    x = layers.BatchNormalization(name="lone")(layers.MaxPooling2D()(x))
    squeezed = layers.Conv2D(8, 1, activation="sigmoid", name="squeeze")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.PReLU(shared_axes=(1, 2), name="slopes")(layers.Multiply(name="gate")([x, squeezed]))
    x = layers.Reshape((25, 8))(x)
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(layers.Conv1D(6, 3, name="line")(x)))
    x = layers.Dense(3, name="head")(layers.GlobalAveragePooling1D()(layers.UpSampling1D(2)(layers.MaxPooling1D(2)(x))))
    data = noise(((12, 12, 3),), 3)
    quantized, notes = quantize(keras.Model(start, x), data)
    assert not [note for note in notes if "quantized after training" in note]
    assert wrapped(quantized) >= {"scale", "relu6", "lone", "gate", "slopes", "line", "norm", "head"}
    with SilentProgress().stage("") as task:
        operators = prove(read_model(run_converter(quantized, "int8", data, task)), "int8").operators
    assert operators["CONV_2D"] == 3 and operators["MUL"] == 3 and operators["PRELU"] == 1  # scale, lone, gate; norm is folded


def test_layers_that_nothing_can_simulate_are_left_and_named() -> None:
    keras = fresh(0)
    layers = keras.layers
    start = keras.Input((6, 4))
    shared = layers.Dense(4, name="shared")
    x = layers.Add()([shared(start), shared(layers.ReLU()(start))])
    x = layers.LSTM(5, unroll=True, name="memory")(x)
    quantized, notes = quantize(keras.Model(start, layers.Dense(3, name="head")(x)), noise(((6, 4),), 3))
    assert wrapped(quantized) >= {"head", "shared"}
    left = " ".join(note for note in notes if "quantized after training instead" in note)
    assert "memory (TF-MOT cannot wrap LSTM)" in left and "shared" not in left


def test_a_batch_norm_after_a_transposed_convolution_is_folded() -> None:
    keras = fresh(0)
    start = keras.Input((8, 8, 3))
    x = keras.layers.Conv2DTranspose(4, 3, strides=2, name="up")(start)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization(name="norm")(x))
    model = keras.Model(start, keras.layers.Dense(3, name="head")(keras.layers.GlobalAveragePooling2D()(x)))
    quantized, _ = quantize(model, noise(((8, 8, 3),), 3))
    assert {"up", "norm", "head"} <= wrapped(quantized)
    with SilentProgress().stage("") as task:
        data = noise(((8, 8, 3),), 3)
        operators = prove(read_model(run_converter(quantized, "int8", data, task)), "int8").operators
    assert operators == {"FULLY_CONNECTED": 1, "MEAN": 1, "TRANSPOSE_CONV": 1}


def test_exclude_leaves_layers_out() -> None:
    quantized, notes = quantize(digits_net(), digits(), exclude=["head"])
    assert "head" not in wrapped(quantized) and "stem" in wrapped(quantized)
    assert any("head (named in exclude)" in note for note in notes)


def test_excluding_all_layers_is_refused() -> None:
    with pytest.raises(RecipeError, match="TF-MOT can wrap no layer") as caught:
        quantize(digits_net(), digits(), exclude=["*"])
    assert caught.value.code == "EP-416"


def test_a_convolution_followed_by_batch_norm_is_quantized_after_it() -> None:
    """Inference folds the BatchNorm into the convolution: quantizing between them would simulate a loss that never happens."""
    model, left = aware.wrap(digits_net())
    assert left == {}
    config = model.get_layer("quant_stem").quantize_config
    assert type(config).__name__ == "Default8BitConvQuantizeConfig"
    assert model.get_layer("quant_stem").layer.activation.activation.__class__.__name__ == "NoOpActivation"


def test_ranges_begin_at_the_datas_extremes() -> None:
    keras = fresh(0)
    start = keras.Input((6,))
    model = keras.Model(start, keras.layers.Dense(4, activation="relu", name="head")(start))
    data = noise(((6,),), 3, count=400)
    model.get_layer("head").kernel.assign(model.get_layer("head").kernel * 50)
    batches = np.split(np.maximum(data.train.inputs[0] @ model.get_layer("head").kernel.numpy(), 0), 5)
    wrapped_model, _ = aware.wrap(model)
    aware.calibrate(wrapped_model, data.train, 40)
    (highest,) = (v for v in wrapped_model.get_layer("quant_head").weights if "post_activation_max" in v.name)
    assert float(highest) == pytest.approx(np.mean([batch.max() for batch in batches]), rel=1e-5) and float(highest) > 20


def test_calibration_leaves_tf_mot_as_it_was() -> None:
    import_tfmot()
    from tensorflow_model_optimization.python.core.quantization.keras import quant_ops

    before = quant_ops.MovingAvgQuantize
    model, _ = aware.wrap(digits_net())
    aware.calibrate(model, digits().validation, 50)
    assert quant_ops.MovingAvgQuantize is before


def test_the_float_model_is_untouched() -> None:
    model = digits_net()
    before = model.get_weights()
    quantize(model, digits())
    for first, second in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_custom_layer_is_left_and_the_rest_is_wrapped() -> None:
    keras = fresh(0)

    class Halve(keras.layers.Layer):  # type: ignore[misc,name-defined]
        def call(self, inputs: Any) -> Any:
            return inputs / 2

    start = keras.Input((6,))
    model = keras.Model(start, keras.layers.Dense(3, name="head")(Halve(name="halve")(start)))
    with keras.utils.custom_object_scope({"Halve": Halve}):
        quantized, notes = quantize(model, noise(((6,),), 3))
    assert wrapped(quantized) == {"head"} and any("halve (TF-MOT cannot wrap Halve)" in note for note in notes)
