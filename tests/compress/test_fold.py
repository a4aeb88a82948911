"""Folding changes the layers and not what they compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.compress import compress
from edgepack.compress.folding.dead_channels import remove_dead_channels
from edgepack.compress.folding.fold_batchnorm import fold_batch_norm
from edgepack.compress.steps.fold import Fold
from edgepack.compress.work import Work
from edgepack.convert import convert
from edgepack.flatbuffer import read_model
from edgepack.ground.cache import Cache
from edgepack.ground.errors import ProjectError
from edgepack.ground.progress import SilentProgress
from edgepack.metrics import Metric

from .channel_models import random_network, shaken
from .small import fresh, noise, recipe, source_of, step_tables


def norms(model: Any) -> list[str]:
    return [layer.name for layer in model.layers if type(layer).__name__ == "BatchNormalization"]


def check_same(first: Any, second: Any) -> None:
    """Equal outputs on random inputs, to 1e-5 of the largest."""
    inputs = [np.random.default_rng(0).normal(size=(3, *tensor.shape[1:])).astype(np.float32) for tensor in first.inputs]
    for before, after in zip(
        *(listed(model(inputs if len(inputs) > 1 else inputs[0])) for model in (first, second)), strict=True
    ):
        np.testing.assert_allclose(after, before, rtol=0, atol=1e-5 * max(1.0, float(np.abs(before).max())))


def listed(outputs: Any) -> list[Any]:
    return [output.numpy() for output in (outputs if isinstance(outputs, list) else [outputs])]


def chain(shape: tuple[int, ...], *made: Any) -> Any:
    """The layers that the functions in `made` give, one after another, with random weights."""
    keras = fresh(0)
    start = x = keras.Input(shape)
    for make in made:
        x = make(keras.layers)(x)
    return shaken(keras.Model(start, x))


@pytest.mark.parametrize("seed", range(0, 12, 2))
def test_random_networks_compute_the_same(seed: int) -> None:
    model = random_network(seed)
    folded, _ = fold_batch_norm(model)
    check_same(model, folded)
    spoilt = kill_channels(model, seed)
    alive, _ = remove_dead_channels(spoilt)
    check_same(spoilt, alive)


def kill_channels(model: Any, seed: int) -> Any:
    """`model` with some filters of each convolution set to zero, some of them with a bias left."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if type(layer).__name__ == "Conv2D":
            kernel, bias = layer.get_weights()
            lost = rng.random(bias.shape) < 0.4
            kernel[..., lost] = 0
            bias[lost & (rng.random(bias.shape) < 0.6)] = 0
            layer.set_weights([kernel, bias])
    return model


@pytest.mark.parametrize(
    "make",
    [
        lambda layers: layers.Conv2D(5, 3, padding="same", use_bias=False, name="taker"),
        lambda layers: layers.Conv2DTranspose(5, 3, strides=2, padding="same", name="taker"),
        lambda layers: layers.DepthwiseConv2D(3, depth_multiplier=2, name="taker"),
        lambda layers: layers.SeparableConv2D(5, 3, depth_multiplier=2, use_bias=False, name="taker"),
        lambda layers: layers.Dense(5, name="taker"),
    ],
)
def test_batch_norm_goes_into_the_layer_before(make: Any) -> None:
    model = chain((8, 8, 3), make, lambda layers: layers.BatchNormalization(name="norm"), lambda layers: layers.ReLU())
    folded, done = fold_batch_norm(model)
    assert norms(folded) == [] and done.backward == {"norm": "taker"}
    check_same(model, folded)


def test_through_average_pooling_and_twice_into_the_same_layer() -> None:
    model = chain(
        (9, 9, 3),
        lambda layers: layers.Conv2D(5, 3, name="taker"),
        lambda layers: layers.BatchNormalization(name="one"),
        lambda layers: layers.AveragePooling2D(2, padding="same"),
        lambda layers: layers.BatchNormalization(name="two"),
        lambda layers: layers.GlobalAveragePooling2D(),
        lambda layers: layers.ReLU(),
    )
    folded, done = fold_batch_norm(model)
    assert done.backward == {"one": "taker", "two": "taker"}
    check_same(model, folded)


def test_forward_into_a_dense_layer_behind_a_flattening() -> None:
    model = chain(
        (6, 6, 3),
        lambda layers: layers.MaxPooling2D(),
        lambda layers: layers.BatchNormalization(name="norm"),
        lambda layers: layers.Flatten(),
        lambda layers: layers.Dense(4, use_bias=False, name="taker"),
    )
    folded, done = fold_batch_norm(model)
    assert done.forward == {"norm": "taker"} and norms(folded) == []
    check_same(model, folded)


@pytest.mark.parametrize(("padding", "forward"), [("valid", True), ("same", False)])
@pytest.mark.parametrize("kind", ["Conv2D", "DepthwiseConv2D", "SeparableConv2D"])
def test_forward_into_a_convolution_only_without_padding(padding: str, forward: bool, kind: str) -> None:
    def taker(layers: Any) -> Any:
        count = () if kind == "DepthwiseConv2D" else (5,)
        return getattr(layers, kind)(*count, 3, padding=padding, name="taker")

    model = chain(
        (8, 8, 3),
        lambda layers: layers.ReLU(),
        lambda layers: layers.BatchNormalization(name="norm"),
        taker,
        lambda layers: layers.ReLU(),
    )
    folded, done = fold_batch_norm(model)
    assert (done.forward, done.made) == (({"norm": "taker"}, []) if forward else ({}, ["norm"]))
    assert norms(folded) == []
    check_same(model, folded)


def test_a_lone_batch_norm_before_a_relu_becomes_a_depthwise_convolution_or_stays() -> None:
    layers = (
        lambda layers: layers.MaxPooling2D(),
        lambda layers: layers.BatchNormalization(name="norm"),
        lambda layers: layers.ReLU(),
        lambda layers: layers.Conv2D(4, 3),
    )
    model = chain((8, 8, 3), *layers)
    folded, done = fold_batch_norm(model)
    assert done.made == ["norm"] and type(folded.get_layer("norm")).__name__ == "DepthwiseConv2D"
    check_same(model, folded)
    left, done = fold_batch_norm(model, depthwise=False)
    assert norms(left) == ["norm"] and done.left == {"norm": "no layer beside it can take it over exactly"}


def test_a_branch_between_stops_the_folding() -> None:
    keras = fresh(0)
    layers = keras.layers
    start = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="shared")(start)
    model = shaken(keras.Model(start, layers.Add()([x, layers.ReLU()(layers.BatchNormalization(name="norm")(x))])))
    folded, done = fold_batch_norm(model)
    assert done.made == ["norm"] and done.backward == {}
    check_same(model, folded)


def test_only_lone_ones_when_the_converter_folds_the_others() -> None:
    model = chain(
        (8, 8, 3),
        lambda layers: layers.Conv2D(4, 3, name="conv"),
        lambda layers: layers.BatchNormalization(name="converters"),
        lambda layers: layers.ReLU(),
        lambda layers: layers.BatchNormalization(name="lone"),
        lambda layers: layers.ReLU(),
    )
    folded, done = fold_batch_norm(model, every=False)
    assert norms(folded) == ["converters"] and done.made == ["lone"]
    check_same(model, folded)


def dead_filter(padding: str, bias: float) -> tuple[Any, Any, dict[str, tuple[int, int]]]:
    """Two convolutions, the first with one filter of zeros and a bias."""
    model = chain(
        (8, 8, 3),
        lambda layers: layers.Conv2D(4, 3, activation="relu", name="first"),
        lambda layers: layers.Conv2D(5, 3, padding=padding, use_bias=False, name="second"),
        lambda layers: layers.Conv2D(2, 1, name="third"),
    )
    kernel, offsets = model.get_layer("first").get_weights()
    kernel[..., 2], offsets[2] = 0, bias
    model.get_layer("first").set_weights([kernel, offsets])
    return model, *remove_dead_channels(model)


@pytest.mark.parametrize(
    ("padding", "bias", "goes"), [("valid", 0.7, True), ("same", 0.7, False), ("same", 0.0, True), ("same", -0.7, True)]
)
def test_a_constant_channel_goes_into_the_next_bias_unless_padding_mixes_in_zeros(padding: str, bias: float, goes: bool) -> None:
    model, alive, changed = dead_filter(padding, bias)
    assert changed == ({"first": (4, 3)} if goes else {})
    assert alive.get_layer("second").use_bias == (padding == "valid")
    check_same(model, alive)


def test_a_channel_that_nobody_reads_goes_and_so_does_what_only_it_reads() -> None:
    model = chain(
        (8, 8, 3),
        lambda layers: layers.Conv2D(4, 3, padding="same", name="first"),
        lambda layers: layers.Conv2D(5, 3, padding="same", activation="tanh", name="second"),
        lambda layers: layers.Conv2D(2, 3, padding="same", name="third"),
    )
    kernel, bias = model.get_layer("third").get_weights()
    kernel[:, :, 1] = 0  # nobody reads channel 1 of the second layer
    model.get_layer("third").set_weights([kernel, bias])
    kernel, bias = model.get_layer("second").get_weights()
    kernel[:, :, 3, [0, 2, 3, 4]] = 0  # only that channel reads channel 3 of the first
    model.get_layer("second").set_weights([kernel, bias])
    alive, changed = remove_dead_channels(model)
    assert changed == {"first": (4, 3), "second": (5, 4)}
    check_same(model, alive)


def test_a_batch_norm_scale_of_zero_and_a_residual_branch() -> None:
    """A channel of a sum is constant only if both its sides are."""
    keras = fresh(0)
    layers = keras.layers
    start = keras.Input((8, 8, 3))
    stem = layers.BatchNormalization(name="stem_norm")(layers.Conv2D(6, 1, name="stem")(start))
    branch = layers.BatchNormalization(name="branch_norm")(
        layers.Conv2D(6, 3, padding="same", name="branch")(layers.ReLU()(stem))
    )
    total = layers.ReLU()(layers.Add()([stem, branch]))
    model = shaken(keras.Model(start, layers.Dense(2, name="head")(layers.GlobalMaxPooling2D()(total))))
    for name, dead in (("stem_norm", [1, 4]), ("branch_norm", [4, 5])):
        gamma, beta, *others = model.get_layer(name).get_weights()
        gamma[dead], beta[dead] = 0, 0
        model.get_layer(name).set_weights([gamma, beta, *others])
    alive, changed = remove_dead_channels(model)
    assert changed == {"stem": (6, 5), "branch": (6, 5)}
    check_same(model, alive)


def test_a_layer_whose_channels_are_all_dead_keeps_one() -> None:
    model = chain((6, 6, 3), lambda layers: layers.Conv2D(4, 3, name="dead"), lambda layers: layers.Conv2D(2, 1))
    layer = model.get_layer("dead")
    layer.set_weights([np.zeros(layer.kernel.shape), np.ones(4)])
    alive, changed = remove_dead_channels(model)
    assert changed == {"dead": (4, 1)}
    check_same(model, alive)


def test_the_step_says_what_it_did() -> None:
    model = chain(
        (8, 8, 3),
        lambda layers: layers.Conv2D(4, 3, name="conv"),
        lambda layers: layers.BatchNormalization(name="norm"),
        lambda layers: layers.ReLU(),
        lambda layers: layers.Conv2D(2, 3, name="last"),
    )
    gamma, beta, *others = model.get_layer("norm").get_weights()
    gamma[0], beta[0] = 0, 1
    model.get_layer("norm").set_weights([gamma, beta, *others])
    step = recipe({"step": "fold"}, {"step": "quantize"})[0]
    with SilentProgress().stage("") as task:
        work = Work(noise(((8, 8, 3),), 2), task, frozenset())
        folded = step.apply(model, work)
    assert work.notes == [
        "BatchNorm folded: norm (into the layer before)",
        "dead channels removed: conv 4 to 3 (constant for every input, or unread)",
    ]
    check_same(model, folded)


def test_nothing_to_fold_and_clusters_that_it_would_destroy_are_refused() -> None:
    with pytest.raises(ProjectError, match="neither BatchNorm nor dead channels") as caught:
        Fold.read(recipe_table(batch_norm="none", dead_channels=False))
    assert caught.value.code == "EP-405"
    with pytest.raises(ProjectError, match="fold would destroy the clusters that cluster made") as caught:
        recipe({"step": "cluster"}, {"step": "fold"}, {"step": "quantize"})
    assert caught.value.code == "EP-404"


def test_the_int8_file_has_no_batch_norm_and_no_dead_channel(tmp_path: Path, accuracy: Metric) -> None:
    """A lone BatchNorm is a depthwise convolution in the .tflite, and the convolution before it is narrower."""
    model = chain(
        (8, 8, 3),
        lambda layers: layers.Conv2D(6, 3, name="first"),
        lambda layers: layers.MaxPooling2D(),
        lambda layers: layers.BatchNormalization(name="norm"),
        lambda layers: layers.ReLU(),
        lambda layers: layers.Conv2D(4, 3, activation="relu", name="last"),
        lambda layers: layers.Flatten(),
        lambda layers: layers.Dense(3, activation="softmax", name="head"),
    )
    kernel, bias = model.get_layer("first").get_weights()
    kernel[..., [1, 4]] = 0
    model.get_layer("first").set_weights([kernel, bias])
    data, cache = noise(((8, 8, 3),), 3, count=400), Cache(tmp_path / "cache")
    steps = recipe({"step": "fold"}, {"step": "quantize", "aware": False})
    done = compress(source_of(model, tmp_path / "source"), data, steps, accuracy, cache, SilentProgress())
    assert done.steps[1].metric == done.baseline_metric and done.steps[1].macs < done.steps[0].macs
    graph = read_model(convert(done, data, cache, SilentProgress()).file).subgraphs[0]
    shapes = {tensor.shape for tensor in graph.tensors if tensor.data is not None and tensor.dtype == "int8"}
    assert {(4, 3, 3, 3), (1, 1, 1, 4), (4, 3, 3, 4)} <= shapes
    kinds = [operator.name for operator in graph.operators]
    assert "DEPTHWISE_CONV_2D" in kinds and not {"MUL", "ADD"} & set(kinds)


def recipe_table(**options: Any) -> Any:
    return step_tables({"step": "fold", **options})[0]
