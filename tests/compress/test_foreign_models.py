"""Models that are not ours go through prune, cluster and aware training, and end fully int8 with their zeros and few codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.compress.keras.graph import flat_model
from edgepack.compress.work import Work
from edgepack.convert.proof import prove
from edgepack.convert.survival import check_kernels
from edgepack.convert.tflite import run_converter
from edgepack.flatbuffer import read_model
from edgepack.ground.progress import SilentProgress
from tests.convert.runtime import run

from .small import dataset, fresh, noise, recipe

_TABLES = (
    {"step": "prune", "sparsity": 0.5, "schedule": "constant", "epochs": 1, "learning_rate": 1e-4},
    {"step": "cluster", "clusters": 8, "epochs": 1},
    {"step": "quantize", "epochs": 1},
)


def through(model: Any, data: Any, *tables: dict[str, Any]) -> tuple[Any, bytes, str]:
    """The model after the recipe, the checked .tflite, and all notes."""
    shapes = tuple(tuple(array.shape[1:]) for array in data.train.inputs)
    model, notes = flat_model(model, shapes)
    kept: frozenset[Any] = frozenset()
    with SilentProgress().stage("") as task:
        for step in recipe(*(tables or _TABLES)):
            work = Work(data, task, kept)
            model = step.apply(model, work)
            kept |= step.leaves
            notes += work.notes
        content = run_converter(model, "int8", data, task)
    converted = read_model(content)
    assert prove(converted, "int8").fully_integer
    layers = check_kernels(model, converted, kept)
    clustered = [layer for layer in layers if layer.values <= 8]
    if "zeros" in kept:
        assert sum(layer.pruned for layer in clustered) >= 0.3 * sum(layer.weights for layer in clustered)
    assert all(layer.distinct <= 8 for layer in clustered if layer.found)
    assert sum(layer.found for layer in layers) >= 0.8 * len(layers)
    return model, content, " | ".join(notes)


@pytest.mark.slow
def test_an_efficient_net_block_with_squeeze_and_excite() -> None:
    keras = fresh(0)
    layers = keras.layers
    start = x = layers.Input((16, 16, 3))
    x = layers.Rescaling(1 / 2)(x)
    x = layers.Activation("swish")(layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same", use_bias=False)(x)))
    before = x
    x = layers.Activation("swish")(layers.BatchNormalization()(layers.Conv2D(16, 1, use_bias=False)(x)))
    x = layers.Activation("swish")(layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)))
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(x)
    squeezed = layers.Conv2D(16, 1, activation="sigmoid")(layers.Conv2D(4, 1, activation="swish")(squeezed))
    x = layers.Multiply(name="excite")([x, squeezed])
    x = layers.Add()([layers.BatchNormalization()(layers.Conv2D(8, 1, use_bias=False)(x)), before])
    model = keras.Model(start, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))
    _, _, notes = through(model, noise(((16, 16, 3),), 4))
    assert "quantized after training" not in notes


@pytest.mark.slow
def test_mobilenet_v2_of_keras_applications_loses_channels_and_is_simulated_as_a_whole() -> None:
    """Without training, which takes minutes: aware training wraps the model in the same way."""
    keras = fresh(0)
    model = keras.applications.MobileNetV2(alpha=0.35, input_shape=(96, 96, 3), weights=None, classes=4)
    tables = {"step": "structured", "epochs": 0}, {"step": "quantize", "aware": False, "calibration": "percentile"}
    small, _, notes = through(model, noise(((96, 96, 3),), 4, count=16), *tables)
    assert "Conv1 16 to 11" in notes and "50.0 % of the multiply-accumulates left" in notes
    assert "by the converter instead" not in notes
    assert small.get_layer("quant_Conv1").layer.filters == 11


@pytest.mark.slow
def test_a_u_net_with_concatenation_and_transposed_convolution() -> None:
    keras = fresh(0)
    layers = keras.layers
    start = layers.Input((16, 16, 3))
    top = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(start)))
    low = layers.Conv2D(12, 3, padding="same", activation="relu")(layers.MaxPooling2D()(top))
    up = layers.ReLU()(layers.BatchNormalization()(layers.Conv2DTranspose(8, 2, strides=2)(low)))
    x = layers.Concatenate()([top, up])
    x = layers.Conv2D(3, 1, activation="softmax")(
        layers.Conv2D(8, 3, padding="same", activation="relu")(layers.ZeroPadding2D(0)(x))
    )
    (images,) = noise(((16, 16, 3),), None, count=64).train.inputs
    data = dataset(("masks",), (images,), images.argmax(axis=-1), 16, 8)
    _, content, notes = through(keras.Model(start, x), data)
    assert "quantized after training" not in notes
    assert "TRANSPOSE_CONV" in [operator.name for operator in read_model(content).subgraphs[0].operators]


def test_a_time_series_network_of_one_dimensional_convolutions() -> None:
    """The shape of the har_watch recordings: windows of 100 samples of accelerometer and gyroscope."""
    keras = fresh(0)
    layers = keras.layers
    start = x = layers.Input((100, 6))
    for filters in (8, 12):
        x = layers.ReLU()(layers.BatchNormalization()(layers.Conv1D(filters, 5, padding="same", use_bias=False)(x)))
        x = layers.MaxPooling1D(2)(x)
    x = layers.SeparableConv1D(12, 3, activation="relu")(x)
    model = keras.Model(start, layers.Dense(7, activation="softmax")(layers.GlobalAveragePooling1D()(x)))
    _, _, notes = through(model, noise(((100, 6),), 7))
    assert "quantized after training" not in notes


@pytest.mark.slow
def test_a_time_series_network_learns_real_exercises(shared_data: Path) -> None:
    """Two seconds of a smartwatch, on people that the network has not seen; int8, half zero, eight values a channel."""
    stored = np.load(shared_data / "har_watch.npz")
    windows, labels, people = [], [], []
    for number, label in enumerate(stored["y"]):
        recording = stored["x"][stored["offsets"][number] : stored["offsets"][number + 1]]
        for start in range(0, len(recording) - 100, 200):
            windows.append(recording[start : start + 100])
            labels.append(int(label))
            people.append(int(stored["subject"][number]))
    unseen = np.isin(people, np.unique(people)[-2:])
    order = np.argsort(unseen, kind="stable")
    rest = np.random.default_rng(0).permutation(order[: int((~unseen).sum())])
    order = np.concatenate([rest, order[len(rest) :]])
    x, y = np.asarray(windows, np.float32)[order], np.asarray(labels)[order]
    data = dataset(("har",), ((x - x[: len(rest)].mean((0, 1))) / x[: len(rest)].std((0, 1)),), y, len(rest) - 100, 100)
    keras = fresh(0)
    layers = keras.layers
    start = x = layers.Input((100, 6))
    for filters in (16, 24):
        x = layers.ReLU()(layers.BatchNormalization()(layers.Conv1D(filters, 5, padding="same", use_bias=False)(x)))
        x = layers.MaxPooling1D(2)(x)
    model = keras.Model(start, layers.Dense(7, activation="softmax")(layers.GlobalAveragePooling1D()(x)))
    train = {"step": "train", "epochs": 6, "learning_rate": 0.01}
    step = {"epochs": 2, "learning_rate": 0.001}
    _, content, _ = through(model, data, train, *(table | step for table in _TABLES))
    (scores,) = run(content, data.test.inputs[0])
    assert np.mean(scores.argmax(axis=1) == data.test.labels) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["GRU", "LSTM"])
def test_recurrent_keyword_models_are_unrolled_and_the_rest_is_trained(cell: str) -> None:
    keras = fresh(0)
    layers = keras.layers
    start = layers.Input((10, 6))
    model = keras.Model(start, layers.Dense(4, activation="softmax", name="head")(getattr(layers, cell)(8, name="memory")(start)))
    _, _, notes = through(model, noise(((10, 6),), 4))
    assert "recurrent layers unrolled" in notes
    assert f"quantized after training instead: memory (TF-MOT cannot wrap {cell})" in notes


def test_nested_models_and_shared_layers() -> None:
    keras = fresh(0)
    layers = keras.layers
    inner = keras.Sequential([layers.Conv2D(8, 3, padding="same", input_shape=(12, 12, 4)), layers.ReLU()], name="inner")
    shared = layers.Conv2D(4, 3, padding="same", name="shared")
    start = layers.Input((12, 12, 4))
    x = layers.Add()([shared(start), shared(layers.ReLU()(start))])
    x = layers.Dense(3)(layers.GlobalAveragePooling2D()(inner(x)))
    _, _, notes = through(keras.Model(start, x), noise(((12, 12, 4),), 3))
    assert "nested models put in line: inner" in notes
    assert "quantized after training" not in notes


@pytest.mark.slow
@pytest.mark.parametrize("form", ["functional", "sequential"])
def test_keras_3_models(form: str) -> None:
    import keras as keras3

    from edgepack.sources.keras.keras3.rebuild import rebuild

    kinds = keras3.layers
    stack = [kinds.Conv2D(8, 3, activation="relu"), kinds.DepthwiseConv2D(3), kinds.BatchNormalization(), kinds.ReLU()]
    stack += [kinds.GlobalAveragePooling2D(), kinds.Dense(3, activation="softmax")]
    start = tensor = keras3.Input((12, 12, 2))
    for layer in stack:
        tensor = layer(tensor)
    model = keras3.Model(start, tensor) if form == "functional" else keras3.Sequential([start, *stack])
    _, _, notes = through(rebuild(model, "model.keras", {}), noise(((12, 12, 2),), 3))
    assert "quantized after training" not in notes


def test_the_other_schemes_still_go_through_recipes() -> None:
    keras = fresh(0)
    start = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3, activation="relu")(start))
    model = keras.Model(start, keras.layers.Dense(60)(x))
    data = dataset(("schemes",), noise(((8, 8, 1),), 3).train.inputs, noise(((8, 8, 1),), 3).train.labels, 16, 8)
    for scheme in ("int16x8", "float16", "dynamic"):
        (step,) = recipe({"step": "quantize", "scheme": scheme})
        assert not step.trains
        with SilentProgress().stage("") as task:
            converted = read_model(run_converter(model, scheme, data, task))
        assert prove(converted, scheme).scheme == scheme
