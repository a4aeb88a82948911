"""The step `structured` removes the channels that matter least, to the goal that was set, and the .tflite is as narrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.compress import compress
from edgepack.compress.keras.macs import model_macs
from edgepack.compress.steps.structured import Structured
from edgepack.compress.stored import open_compressed
from edgepack.compress.structured.channel_map import map_channels
from edgepack.compress.structured.importance import importance
from edgepack.compress.training.loss import Loss
from edgepack.compress.work import Work
from edgepack.convert import convert
from edgepack.flatbuffer import read_model
from edgepack.ground.cache import Cache
from edgepack.ground.errors import ProjectError, RecipeError
from edgepack.ground.progress import SilentProgress
from edgepack.metrics import Metric

from .channel_models import shaken
from .small import digits, digits_net, fresh, noise, recipe, source_of


def step_of(**options: Any) -> Structured:
    step = recipe({"step": "structured", "epochs": 0, **options}, {"step": "quantize"})[0]
    assert isinstance(step, Structured)
    return step


def apply(model: Any, data: Any = None, kept: frozenset[Any] = frozenset(), **options: Any) -> tuple[Any, list[str]]:
    """The model without some of its channels, and the step's notes."""
    with SilentProgress().stage("") as task:
        work = Work(data or digits(), task, kept)
        return step_of(**options).apply(model, work), work.notes


def ladder(widths: tuple[int, ...] = (16, 16, 16)) -> Any:
    """Convolutions one after another, on images of 8 x 8."""
    keras = fresh(0)
    start = x = keras.Input((8, 8, 2))
    for place, width in enumerate(widths):
        x = keras.layers.Conv2D(width, 3, padding="same", activation="relu", name=f"conv_{place}")(x)
    return keras.Model(start, keras.layers.Dense(3, name="head")(keras.layers.GlobalAveragePooling2D()(x)))


IMAGES = noise(((8, 8, 2),), 3)


def widths(model: Any) -> list[int]:
    return [layer.filters for layer in model.layers if hasattr(layer, "filters")]


@pytest.mark.parametrize("scope", ["layer", "global"])
@pytest.mark.parametrize("share", [0.75, 0.5, 0.2])
def test_macs_are_at_most_what_was_asked_for_and_not_much_less(scope: str, share: float) -> None:
    model = shaken(ladder())
    whole = model_macs(model)
    smaller, notes = apply(model, IMAGES, macs=share, scope=scope)
    assert share - 0.08 < model_macs(smaller) / whole <= share
    assert f"({model_macs(smaller) / whole * 100:.1f} % of the multiply-accumulates left)" in notes[-1]


def test_the_ratio_is_that_of_each_layer_or_of_all_together() -> None:
    smaller, _ = apply(shaken(ladder((8, 16, 20))), IMAGES, ratio=0.25)
    assert widths(smaller) == [6, 12, 15]
    smaller, _ = apply(shaken(ladder((8, 16, 20))), IMAGES, ratio=0.25, scope="global")
    assert sum(widths(smaller)) == 33


def test_channels_are_kept_in_multiples_and_within_the_limit() -> None:
    smaller, _ = apply(shaken(ladder((8, 16, 20))), IMAGES, ratio=0.45, align=4)
    assert widths(smaller) == [4, 8, 12]
    smaller, _ = apply(shaken(ladder((8, 16, 20))), IMAGES, ratio=0.9, scope="global", limit=0.5)
    assert widths(smaller) == [4, 8, 10]


def test_layers_exclude_and_per_layer_choose() -> None:
    smaller, _ = apply(shaken(ladder()), IMAGES, ratio=0.5, layers=["conv_[01]"], per_layer={"conv_0": 0.25})
    assert widths(smaller) == [12, 8, 16]
    smaller, _ = apply(shaken(ladder()), IMAGES, macs=0.7, exclude=["conv_2"], per_layer={"conv_0": 0.0})
    assert widths(smaller)[0] == widths(smaller)[2] == 16 > widths(smaller)[1]


@pytest.mark.parametrize("criterion", ["l1", "l2"])
def test_the_channels_with_the_smallest_norm_go(criterion: str) -> None:
    model = shaken(ladder())
    kernel = model.get_layer("conv_1").get_weights()[0]
    norms = np.linalg.norm(kernel.reshape(-1, 16), axis=0, ord=1 if criterion == "l1" else 2)
    largest = np.sort(np.argsort(norms)[8:])
    smaller, _ = apply(model, IMAGES, ratio=0.5, importance=criterion, layers=["conv_1"])
    np.testing.assert_array_equal(smaller.get_layer("conv_1").get_weights()[0], kernel[..., largest])


def test_the_batch_norm_scale_decides_and_a_layer_without_one_is_named() -> None:
    model = shaken(digits_net())
    norm = model.get_layer("pointwise_norm")
    gamma, *others = norm.get_weights()
    gamma[:] = 1
    gamma[[3, 7]] = -0.01
    norm.set_weights([gamma, *others])
    smaller, notes = apply(model, ratio=0.125, importance="batchnorm", layers=["pointwise"])
    assert smaller.get_layer("pointwise").filters == 14
    assert np.all(smaller.get_layer("pointwise_norm").get_weights()[0] == 1)
    assert not any("judged by" in note for note in notes)
    _, notes = apply(shaken(ladder()), IMAGES, ratio=0.25, importance="batchnorm")
    assert "judged by l2 instead: conv_0, conv_1, conv_2 (no BatchNorm scales them)" in notes


def test_taylor_is_the_square_of_what_the_loss_changes_by_to_first_order() -> None:
    """Compared with switching each channel off by a thousandth, at BatchNorm and at a plain convolution."""
    keras = fresh(0)
    layers = keras.layers
    start = layers.Input((6, 6, 2))
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, name="first")(start)))
    x = layers.Conv2D(5, 3, activation="tanh", name="second")(x)
    model = shaken(keras.Model(start, layers.Dense(3, activation="softmax")(layers.Flatten()(x))))
    data = noise(((6, 6, 2),), 3, count=64)
    channels = map_channels(model)
    with SilentProgress().stage("") as task:
        cross_entropy = Loss("sparse_categorical_crossentropy", "classes")
        scores, _ = importance(model, channels, "taylor", data.train, cross_entropy, task)

    def loss() -> float:
        chances = model(data.train.inputs[0], training=False).numpy().astype(np.float64)
        return float(np.mean(-np.log(chances[np.arange(32), data.train.labels])))

    for layer, places in (("norm", (0, 1)), ("second", (0, 1))):
        for channel in range(channels.layers[layer].outputs.size):
            real = model.get_layer(layer)
            before, changes = real.get_weights(), []
            for sign in (1, -1):
                after = [weight.copy() for weight in before]
                for place in places:
                    after[place][..., channel] *= 1 + sign * 0.01
                real.set_weights(after)
                changes.append(loss())
            real.set_weights(before)
            slope = (changes[0] - changes[1]) / 0.02
            assert scores[channels.layers[layer].outputs[channel]] == pytest.approx(slope**2, rel=0.05, abs=1e-6)


def test_rounds_end_where_one_round_would() -> None:
    once, _ = apply(shaken(ladder((8, 16, 20))), IMAGES, ratio=0.5)
    thrice, notes = apply(shaken(ladder((8, 16, 20))), IMAGES, ratio=0.5, iterations=3, epochs_between=1)
    assert widths(once) == widths(thrice) == [4, 8, 10]
    assert sum("kept epoch" in note for note in notes) == 2


def test_zeros_of_an_earlier_step_stay_while_it_trains() -> None:
    model = shaken(ladder())
    kernel, bias = model.get_layer("conv_1").get_weights()
    kernel[:, :, ::2] = 0
    model.get_layer("conv_1").set_weights([kernel, bias])
    smaller, _ = apply(model, IMAGES, frozenset({"zeros"}), ratio=0.5, layers=["conv_1"], epochs=1, learning_rate=0.01)
    assert np.mean(smaller.get_layer("conv_1").get_weights()[0] == 0) == 0.5


@pytest.mark.parametrize(("kind", "layer"), [("group_lasso", "pointwise"), ("l1", "pointwise_norm")])
def test_sparsity_learning_drives_whole_channels_to_zero(kind: str, layer: str) -> None:
    def small_channels(**options: Any) -> int:
        trained, _ = apply(
            digits_net(),
            epochs=0,
            macs=1.0,
            sparsity_learning=kind,
            sparsity_epochs=3,
            learning_rate=0.01,
            batch_size=16,
            **options,
        )
        weights = trained.get_layer(layer).get_weights()[0]
        return int((np.abs(weights).reshape(-1, 16).max(axis=0) < 1e-3).sum())

    assert small_channels(sparsity_strength=1e-9) == 0
    assert small_channels(sparsity_strength=5.0) >= 8


def test_a_goal_out_of_reach_is_refused() -> None:
    with pytest.raises(RecipeError, match="are left when all that may go is gone") as caught:
        apply(shaken(ladder()), IMAGES, macs=0.1, exclude=["conv_1", "conv_2"])
    assert caught.value.code == "EP-417"


def test_a_model_of_which_nothing_can_go_is_refused_with_the_reason() -> None:
    keras = fresh(0)
    start = keras.Input((6, 3))
    model = keras.Model(start, keras.layers.Dense(3)(keras.layers.LSTM(4, name="memory")(start)))
    with pytest.raises(RecipeError, match="no layer of the model can lose a channel") as caught:
        apply(model, noise(((6, 3),), 3))
    assert caught.value.code == "EP-412" and "memory is recurrent" in caught.value.hint


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"ratio": 0.5, "macs": 0.5}, "macs"),
        ({"sparsity_epochs": 2}, "sparsity_epochs"),
        ({"epochs_between": 2}, "epochs_between"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ProjectError, match=named) as caught:
        step_of(**options)
    assert caught.value.code == "EP-405"


@pytest.mark.slow
def test_the_int8_file_is_as_narrow_and_a_stopped_run_goes_on(
    tmp_path: Path, accuracy: Metric, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Structured and aware quantization on digits: channel counts in the .tflite, accuracy, and nothing computed twice."""
    steps = recipe(
        {"step": "train", "epochs": 8, "learning_rate": 0.01},
        {"step": "structured", "macs": 0.5, "epochs": 3, "learning_rate": 0.003},
        {"step": "quantize", "epochs": 1, "learning_rate": 0.001},
    )
    cache = Cache(tmp_path / "cache")
    source = source_of(digits_net(), tmp_path / "source", trained=False)
    real = type(steps[-1]).apply

    def killed(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(steps[-1]), "apply", killed)
    with pytest.raises(KeyboardInterrupt):
        compress(source, digits(), steps, accuracy, cache, SilentProgress())
    monkeypatch.setattr(type(steps[-1]), "apply", real)
    monkeypatch.setattr(Structured, "apply", killed)
    done = compress(source, digits(), steps, accuracy, cache, SilentProgress())
    before, after = done.steps[0], done.steps[1]
    assert after.macs <= 0.5 * before.macs and after.parameters < 0.7 * before.parameters
    assert after.metric > before.metric - 0.1
    model = open_compressed(done)
    stem, pointwise = (int(model.get_layer(f"quant_{name}").layer.filters) for name in ("stem", "pointwise"))
    assert stem < 12 and pointwise < 16
    file = read_model(convert(done, digits(), cache, SilentProgress()).file)
    shapes = {tensor.shape for tensor in file.subgraphs[0].tensors if tensor.data is not None and tensor.dtype == "int8"}
    assert {(stem, 3, 3, 1), (1, 3, 3, stem), (pointwise, 1, 1, stem), (10, 9 * pointwise)} <= shapes
