"""Pruning sets the smallest weights of the right layers to zero: exactly as many as asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgepack.compress.weights.lamp import layer_shares
from edgepack.compress.work import Work
from edgepack.ground.errors import RecipeError
from edgepack.ground.progress import SilentProgress

from .conftest import Walk
from .small import digits, digits_net, fresh, noise, recipe


def prune(model: Any, data: Any = None, **options: Any) -> tuple[Any, list[str]]:
    """The pruned model and the step's notes, after a short fine-tuning."""
    step = recipe({"step": "prune", "epochs": 1, **options}, {"step": "quantize"})[0]
    with SilentProgress().stage("") as task:
        work = Work(data or digits(), task, frozenset())
        return step.apply(model, work), work.notes


def share_of_zeros(model: Any, layer: str) -> float:
    weights = model.get_layer(layer).get_weights()[0]
    return float(np.mean(weights == 0))


def test_half_of_each_kernel_is_zero_in_the_walk(walk: Walk) -> None:
    model = walk.model("prune")
    for layer in ("stem", "depthwise", "pointwise", "head"):
        assert share_of_zeros(model, layer) == 0.5
    row = walk.compressed.steps[1]
    assert (row.zeros, row.sparsity) == (924, 0.5)


def test_one_shot_pruning_zeroes_the_weights_that_were_smallest() -> None:
    model = digits_net()
    before = model.get_layer("head").get_weights()[0]
    pruned, _ = prune(model, schedule="constant", sparsity=0.8, learning_rate=1e-9, decay="none")
    after = pruned.get_layer("head").get_weights()[0]
    smallest = np.argsort(np.abs(before), axis=None)[: round(0.8 * before.size)]
    assert set(np.flatnonzero(after == 0)) == set(smallest)


def test_the_polynomial_schedule_reaches_its_end_however_few_batches_there_are() -> None:
    for batch, ramp in ((32, 0.5), (450, 1.0), (900, 1.0), (7, 0.3)):
        pruned, _ = prune(digits_net(), sparsity=0.75, batch_size=batch, ramp=ramp)
        assert share_of_zeros(pruned, "head") == 0.75, (batch, ramp)


def test_layers_exclude_and_per_layer_choose() -> None:
    pruned, _ = prune(digits_net(), layers=["*e*"], exclude=["stem"], per_layer={"he*": 0.9}, sparsity=0.25)
    zeros = {layer: share_of_zeros(pruned, layer) for layer in ("stem", "pointwise", "head")}
    assert zeros == {"stem": 0, "pointwise": 0.25, "head": 0.9}


def test_the_share_of_all_layers_together_is_what_was_asked_for() -> None:
    pruned, notes = prune(digits_net(), scope="global", sparsity=0.7, per_layer={"stem": 0.25})
    weights = {layer: pruned.get_layer(layer).get_weights()[0] for layer in ("stem", "pointwise", "head")}
    free = weights["pointwise"].size + weights["head"].size
    zeros = {layer: int(np.sum(values == 0)) for layer, values in weights.items()}
    assert zeros["stem"] == 0.25 * weights["stem"].size
    assert zeros["pointwise"] + zeros["head"] == round(0.7 * free)
    assert zeros["pointwise"] / weights["pointwise"].size != zeros["head"] / weights["head"].size
    assert any(note.startswith("sparsity:") and "stem 25.0 %" in note for note in notes)


def test_layer_adaptive_magnitudes_are_those_of_the_paper() -> None:
    """Scores by hand, equation 4 of Lee et al. 2021: w^2 / (w^2 + the squares of all larger ones)."""
    flat = {"a": np.array([3, -1, 2], np.float32), "b": np.array([10, 10, 10, 10], np.float32)}
    # a: 1/14, 4/13, 1; b: 1/4, 1/3, 1/2, 1 (the paper breaks ties by place). In order: a, b, a, b, b.
    assert [layer_shares(flat, count / 7) for count in range(6)] == [
        {"a": 0, "b": 0},
        {"a": 1 / 3, "b": 0},
        {"a": 1 / 3, "b": 1 / 4},
        {"a": 2 / 3, "b": 1 / 4},
        {"a": 2 / 3, "b": 2 / 4},
        {"a": 2 / 3, "b": 3 / 4},
    ]
    assert layer_shares(flat, 0.99) == {"a": 2 / 3, "b": 3 / 4}, "a weight stays in every layer"


def test_scale_does_not_decide_which_layer_is_pruned() -> None:
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    shares = layer_shares({"small": values / 1000, "large": values * 1000}, 0.6)
    assert shares["small"] == pytest.approx(shares["large"], abs=0.002)


def test_depthwise_kernels_are_left_alone_with_a_note() -> None:
    pruned, notes = prune(digits_net())
    assert share_of_zeros(pruned, "depthwise") == 0
    assert any("not pruned: depthwise" in note and "depthwise = true" in note for note in notes)


def test_of_a_separable_convolution_the_depthwise_part_follows_the_option() -> None:
    def separable() -> Any:
        keras = fresh(0)
        start = keras.Input((8, 8, 4))
        x = keras.layers.SeparableConv2D(6, 3, name="both")(start)
        return keras.Model(start, keras.layers.Dense(3)(keras.layers.Flatten()(x)))

    data = noise(((8, 8, 4),), 3)
    for wanted in (False, True):
        pruned, _ = prune(separable(), data, depthwise=wanted)
        depthwise, pointwise, _ = pruned.get_layer("both").get_weights()
        assert np.mean(pointwise == 0) == 0.5 and np.mean(depthwise == 0) == (0.5 if wanted else 0)


@pytest.mark.parametrize(
    ("kind", "shape"),
    [("Conv1D", (12, 4)), ("Conv1DTranspose", (12, 4)), ("Conv2DTranspose", (6, 6, 4)), ("EinsumDense", (6, 4)), ("GRU", (4, 4))],
)
def test_kernels_of_every_kind_are_pruned(kind: str, shape: tuple[int, ...]) -> None:
    keras = fresh(0)
    layers = keras.layers
    made = {
        "EinsumDense": lambda: layers.EinsumDense("abc,cd->abd", output_shape=(None, 6), name="one"),
        "GRU": lambda: layers.GRU(6, unroll=True, name="one"),
    }
    start = keras.Input(shape)
    x = made.get(kind, lambda: getattr(layers, kind)(6, 3, name="one"))()(start)
    pruned, notes = prune(keras.Model(start, layers.Dense(3)(layers.Flatten()(x))), noise((shape,), 3), sparsity=0.5)
    kernels = [weight.numpy() for weight in pruned.get_layer("one").weights if "kernel" in weight.name]
    assert kernels and all(np.mean(kernel == 0) == 0.5 for kernel in kernels)
    assert not any("not pruned" in note for note in notes)


def test_a_depthwise_convolution_over_time_follows_the_option_too() -> None:
    def series() -> Any:
        keras = fresh(0)
        start = keras.Input((12, 4))
        x = keras.layers.DepthwiseConv1D(4, depth_multiplier=2, name="one")(start)
        return keras.Model(start, keras.layers.Dense(3, name="head")(keras.layers.Flatten()(x)))

    data = noise(((12, 4),), 3)
    for wanted, share in ((False, 0), (True, 0.5)):
        pruned, notes = prune(series(), data, depthwise=wanted)
        assert share_of_zeros(pruned, "one") == share
        assert any("not pruned: one (depthwise kernels" in note for note in notes) is not wanted


def test_two_of_four_zeroes_two_of_each_four_input_channels() -> None:
    keras = fresh(0)
    start = keras.Input((6, 6, 8))
    x = keras.layers.Conv2D(5, 3, name="conv")(start)
    x = keras.layers.Conv2DTranspose(4, 3, name="up")(x)
    model = keras.Model(start, keras.layers.Dense(3, name="head")(keras.layers.Flatten()(x)))
    pruned, notes = prune(model, noise(((6, 6, 8),), 3), pattern="2:4")
    convolution = pruned.get_layer("conv").get_weights()[0]
    groups = np.moveaxis(convolution, 2, -1).reshape(-1, 4)
    assert np.all((groups == 0).sum(axis=1) == 2)
    dense = pruned.get_layer("head").get_weights()[0].T.reshape(-1, 4)
    assert np.all((dense == 0).sum(axis=1) == 2)
    assert any("not pruned: up (2:4 is for" in note for note in notes)


def test_two_of_four_leaves_a_layer_with_too_few_input_channels_with_a_note() -> None:
    _, notes = prune(digits_net(), pattern="2:4")
    assert any("not pruned: stem (2:4 needs" in note for note in notes)


def test_nothing_of_tf_mot_is_left_in_the_model_and_the_given_one_is_untouched() -> None:
    model = digits_net()
    before = model.get_weights()
    pruned, _ = prune(model)
    assert all(type(layer).__module__.startswith("tf_keras") for layer in pruned.layers)
    assert [layer.name for layer in pruned.layers] == [layer.name for layer in model.layers]
    for first, second in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_frozen_layers_are_trained_again_but_frozen_batch_norm_stays() -> None:
    model = digits_net()
    for layer in model.layers:
        layer.trainable = False
    before = {layer.name: [weights.copy() for weights in layer.get_weights()] for layer in model.layers}
    pruned, notes = prune(model, learning_rate=0.01)
    kernel = pruned.get_layer("head").get_weights()[0]
    kept = kernel != 0
    assert not np.array_equal(kernel[kept], before["head"][0][kept])
    for first, second in zip(pruned.get_layer("stem_norm").get_weights(), before["stem_norm"], strict=True):
        np.testing.assert_array_equal(first, second)
    assert any("trained although frozen: stem, depthwise, pointwise, head (to make up for pruning)" in note for note in notes)


def test_a_second_pruning_keeps_the_zeros_of_the_first() -> None:
    once, _ = prune(digits_net(), sparsity=0.4)
    zeros = once.get_layer("head").get_weights()[0] == 0
    twice, _ = prune(once, sparsity=0.6)
    after = twice.get_layer("head").get_weights()[0] == 0
    assert np.all(after[zeros]) and after.mean() == 0.6


def test_a_name_that_fits_no_layer_is_refused_with_the_nearest() -> None:
    with pytest.raises(RecipeError, match="'pointwse'") as caught:
        prune(digits_net(), layers=["pointwse"])
    assert caught.value.code == "EP-412" and "'pointwise'" in caught.value.hint


def test_excluding_everything_is_refused() -> None:
    with pytest.raises(RecipeError, match="no layer of the model is left") as caught:
        prune(digits_net(), exclude=["*e*"])
    assert caught.value.code == "EP-412"


def test_a_layer_with_too_few_zeros_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgepack.compress.steps.prune._zeros", lambda values, share: values.size)
    with pytest.raises(RecipeError, match="layer stem has") as caught:
        prune(digits_net())
    assert caught.value.code == "EP-414"


def test_an_unprunable_layer_is_named() -> None:
    keras = fresh(0)
    start = keras.Input((5, 4))
    x = keras.layers.TimeDistributed(keras.layers.Dense(3), name="each")(start)
    model = keras.Model(start, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    _, notes = prune(model, noise(((5, 4),), 3))
    assert any("not pruned: each (TF-MOT cannot prune TimeDistributed)" in note for note in notes)


def blocks_of_zeros(values: np.ndarray) -> np.ndarray:
    """Of each four neighbours of a filter, in the order of the .tflite, whether all are zero: (outputs, blocks)."""
    rows = np.moveaxis(values, -1, 0).reshape(values.shape[-1], -1)
    return ~np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))).reshape(len(rows), -1, 4).any(axis=2)


def test_blocks_of_four_neighbours_become_zero_together() -> None:
    """Convolutions of one and of several channels, and a dense layer; the masks hold while the rest is trained."""
    pruned, notes = prune(digits_net(), pattern="1x4", sparsity=0.6, per_layer={"head": 0.75})
    for layer, share in (("stem", 0.6), ("pointwise", 0.6), ("head", 0.75)):
        zero = blocks_of_zeros(pruned.get_layer(layer).get_weights()[0])
        assert int(zero.sum()) == zero.size - round(zero.size * (1 - share)), layer
    assert any("not pruned: depthwise" in note for note in notes)


def test_one_shot_block_pruning_zeroes_the_blocks_of_the_smallest_sums() -> None:
    model = digits_net()
    before = model.get_layer("head").get_weights()[0]
    pruned, _ = prune(model, pattern="1x4", schedule="constant", sparsity=0.5, learning_rate=1e-9, decay="none")
    zero = blocks_of_zeros(pruned.get_layer("head").get_weights()[0])
    rows = np.abs(before.T)
    sums = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))).reshape(len(rows), -1, 4).sum(axis=2)
    assert sums[zero].max() <= sums[~zero].min()
