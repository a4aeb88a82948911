"""Factorised layers: exact at full rank, with the error that the discarded singular values tell, smaller, and fit for int8."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.compress import Compressed, Quantization
from edgepack.compress.keras.macs import model_macs
from edgepack.compress.low_rank.factors import Method, factors, product, rank_for, spectra
from edgepack.compress.low_rank.layers import factorised
from edgepack.compress.low_rank.plan import Choice, Cost, candidates, plan
from edgepack.compress.work import Work
from edgepack.convert import convert
from edgepack.flatbuffer import read_model
from edgepack.ground.cache import Cache
from edgepack.ground.errors import ProjectError, RecipeError
from edgepack.ground.progress import SilentProgress

from .small import digits, fresh, noise, recipe, source_of
from .test_fit import Recorder

RNG = np.random.default_rng(0)
KERNELS: dict[str, tuple[Method, tuple[int, ...], tuple[int, ...]]] = {
    "dense": ("svd", (12, 9), (9,)),
    "pointwise": ("svd", (1, 1, 6, 10), (6,)),
    "kernel by svd": ("svd", (3, 3, 4, 8), (8,)),
    "line": ("svd", (5, 4, 6), (6,)),
    "spatial": ("spatial", (3, 5, 4, 6), (12,)),
    "tucker": ("tucker", (3, 3, 6, 8), (6, 8)),
}


@pytest.mark.parametrize("name", KERNELS)
def test_factors_are_exact_at_full_rank(name: str) -> None:
    method, shape, ranks = KERNELS[name]
    kernel = RNG.normal(size=shape).astype(np.float32)
    np.testing.assert_allclose(product(factors(kernel, method, ranks), method), kernel, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in KERNELS if name != "tucker"])
def test_the_error_is_the_energy_of_the_discarded_singular_values(name: str) -> None:
    method, shape, (full,) = KERNELS[name]
    kernel = RNG.normal(size=shape).astype(np.float32)
    (squares,) = spectra(kernel, method)
    assert squares.sum() == pytest.approx(float((kernel.astype(np.float64) ** 2).sum()), rel=1e-6)
    for rank in (1, full // 2, full - 1):
        error = ((product(factors(kernel, method, (rank,)), method) - kernel) ** 2).sum()
        assert error == pytest.approx(squares[rank:].sum(), rel=1e-4)


def test_tuckers_error_is_at_most_the_sum_of_both_modes_and_nothing_for_a_kernel_of_that_rank() -> None:
    kernel = RNG.normal(size=(3, 3, 6, 8)).astype(np.float32)
    inputs, outputs = spectra(kernel, "tucker")
    error = ((product(factors(kernel, "tucker", (3, 4)), "tucker") - kernel) ** 2).sum()
    assert max(inputs[3:].sum(), outputs[4:].sum()) <= error <= inputs[3:].sum() + outputs[4:].sum()
    poor = product((RNG.normal(size=(1, 1, 6, 2)), RNG.normal(size=(3, 3, 2, 3)), RNG.normal(size=(1, 1, 3, 8))), "tucker")
    again = product(factors(poor.astype(np.float32), "tucker", (2, 3)), "tucker")
    np.testing.assert_allclose(again, poor, atol=1e-4)


def test_a_rank_keeps_the_energy_asked_for() -> None:
    squares = np.array([6.0, 3.0, 0.9, 0.1])
    assert [rank_for(squares, energy) for energy in (0.0, 0.6, 0.61, 0.99, 1.0)] == [1, 1, 2, 3, 4]


def net() -> Any:
    """Every kind of layer that can be factorised, strided, dilated and shared, with a BatchNorm and a depthwise convolution."""
    keras = fresh(3)
    layers = keras.layers
    start = keras.Input((12, 10, 3))
    x = layers.Conv2D(16, 3, padding="same", strides=(2, 1), use_bias=False, name="first")(start)
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(x))
    x = layers.Conv2D(16, (3, 5), padding="same", dilation_rate=2, activation="relu", name="dilated")(x)
    shared = layers.Conv2D(16, 3, padding="same", activation="relu", name="shared")
    x = shared(shared(x))
    x = layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = layers.Conv2D(24, 1, strides=2, activation="relu", name="pointwise")(x)
    x = layers.Reshape((-1, 24))(x)
    x = layers.Conv1D(16, 3, padding="causal", dilation_rate=2, name="line")(x)
    x = layers.Dense(16, activation="relu", name="dense")(layers.Flatten()(x))
    model = keras.Model(start, layers.Dense(4, activation="softmax", name="head")(x))
    model.set_weights([np.abs(weight) if weight.ndim == 1 else weight for weight in model.get_weights()])
    return model


@pytest.mark.parametrize("method", ["svd", "spatial", "tucker"])
def test_a_model_of_full_rank_factors_computes_the_same(method: Method) -> None:
    model = net()
    full = {}
    for layer in model.layers:
        found = {offer.method: offer for offer in candidates(layer, ("svd", method))}
        if found:
            offer = found.get(method, found["svd"])
            full[layer.name] = Choice(offer.method, tuple(len(squares) for squares in offer.squares), Cost(0, 0))
    assert set(full) == {"first", "dilated", "shared", "pointwise", "line", "dense", "head"}
    x = RNG.normal(size=(4, 12, 10, 3)).astype(np.float32)
    small = factorised(model, full)
    np.testing.assert_allclose(small(x), model(x), atol=1e-4)
    assert small.get_layer("first_in").name and small.get_layer("shared").use_bias


@pytest.mark.parametrize("method", ["auto", "svd", "spatial", "tucker"])
def test_the_costs_of_a_plan_are_those_of_the_model(method: str) -> None:
    model = net()
    methods: Any = ("svd", "spatial", "tucker") if method == "auto" else (method,)
    ways = {layer.name: offers for layer in model.layers if layer.name != "shared" and (offers := candidates(layer, methods))}
    chosen = plan(ways, 0.5, 2)
    assert chosen and all(rank % 2 == 0 for choice in chosen.values() for rank in choice.ranks)
    small = factorised(model, chosen)
    macs = sum(ways[name][0].before.macs - choice.cost.macs for name, choice in chosen.items())
    parameters = sum(ways[name][0].before.parameters - choice.cost.parameters for name, choice in chosen.items())
    assert model_macs(small) == model_macs(model) - macs < model_macs(model)
    assert small.count_params() == model.count_params() - parameters < model.count_params()


def digits_dense(seed: int = 0) -> Any:
    keras = fresh(seed)
    start = x = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(16, 3, activation="relu", name="conv")(x)
    x = keras.layers.Dense(64, activation="relu", name="wide")(keras.layers.Flatten()(x))
    return keras.Model(start, keras.layers.Dense(10, activation="softmax", name="head")(x))


def applied(model: Any, **options: Any) -> tuple[Any, Work]:
    (step, _) = recipe({"step": "low_rank", "epochs": 0, **options}, {"step": "quantize"})
    work = Work(digits(), Recorder())
    return step.apply(model, work), work


@pytest.mark.parametrize("measure", ["parameters", "macs"])
def test_a_ratio_is_reached_and_no_less_is_kept_than_needed(measure: str) -> None:
    model = digits_dense()
    small, work = applied(model, ratio=0.5, measure=measure, align=1)
    count = (lambda net: net.count_params()) if measure == "parameters" else model_macs
    assert 0.44 < count(small) / count(model) <= 0.5
    assert "wide svd" in work.notes[0]


def test_an_accuracy_budget_is_kept_on_the_validation_split() -> None:
    model = digits_dense()
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    data = digits()
    model.fit(data.train.inputs[0], data.train.labels, epochs=6, verbose=0, batch_size=64)

    def accuracy(net: Any) -> float:
        return float(np.mean(np.argmax(net(data.validation.inputs[0]), axis=1) == data.validation.labels))

    small, work = applied(model, max_drop=0.03)
    assert accuracy(model) - accuracy(small) <= 0.03
    assert small.count_params() < model.count_params()
    assert any("the least that loses at most 0.03" in note for note in work.notes)


def test_ranks_show_in_an_int8_file(tmp_path: Path) -> None:
    model = digits_dense()
    small, _ = applied(model, energy=0.5, exclude=["head"])
    rank = small.get_layer("wide_in").units
    assert rank % 4 == 0
    source = source_of(small, tmp_path / "source")
    compressed = Compressed(source.file, (), Quantization("int8", False), source.sha256, 0.0, source)
    file = convert(compressed, noise(((8, 8, 1),), 10, count=300), Cache(tmp_path / "cache"), SilentProgress()).file
    kernels = {
        tensor.shape for tensor in read_model(file).subgraphs[0].tensors if tensor.data is not None and tensor.dtype == "int8"
    }
    assert {(rank, 576), (64, rank)} <= kernels


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        ({"energy": 1.0}, "EP-419", "no layer becomes smaller"),
        ({"ratio": 0.01}, "EP-419", "cannot be reached"),
        ({"layers": ["wid"]}, "EP-412", "'wid'"),
        ({"layers": ["flatten*"]}, "EP-412", "no layer of the model can be factorised"),
    ],
)
def test_what_cannot_be_done_is_refused(options: dict[str, Any], code: str, text: str) -> None:
    with pytest.raises(RecipeError) as caught:
        applied(digits_dense(), **options)
    assert caught.value.code == code and text in str(caught.value)


@pytest.mark.parametrize(
    ("tables", "code", "text"),
    [
        (({"step": "low_rank", "energy": 0.9, "ratio": 0.5},), "EP-405", "two ways"),
        (({"step": "low_rank", "measure": "macs"},), "EP-405", "measure has no meaning"),
        (({"step": "prune"}, {"step": "low_rank"}), "EP-404", "low_rank would destroy the zeros that prune made"),
    ],
)
def test_recipes_that_make_no_sense_are_refused(tables: tuple[dict[str, Any], ...], code: str, text: str) -> None:
    with pytest.raises(ProjectError) as caught:
        recipe(*tables, {"step": "quantize"})
    assert caught.value.code == code and text in str(caught.value)
