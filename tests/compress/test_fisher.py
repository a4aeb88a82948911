"""The Fisher information knows which weights matter, and agrees with what changing them does to the loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.compress import compress
from edgepack.compress.fisher import Fisher, fisher
from edgepack.compress.slimmer import slimmer
from edgepack.compress.stored import open_compressed
from edgepack.ground.cache import Cache
from edgepack.ground.progress import SilentProgress
from edgepack.metrics import Metric

from .small import dataset, fresh, recipe, source_of

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(400, 6)).astype(np.float32)
TRUTH = DRAW.normal(size=(6, 3))
DATA = dataset(("lines",), (X,), (X @ TRUTH).argmax(axis=1).astype(np.int64), 300, 50)


def net() -> Any:
    """Two branches, the second of which is multiplied by zero; logits of a linear model in the first."""
    keras = fresh(0)
    start = keras.Input((6,))
    used = keras.layers.Dense(8, activation="relu", name="used")(start)
    idle = keras.layers.Dense(8, activation="relu", name="idle")(start)
    none = keras.layers.Rescaling(0.0, name="nothing")(idle)
    both = keras.layers.Add(name="both")([used, none])
    return keras.Model(start, keras.layers.Dense(3, activation="softmax", name="head")(both))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, accuracy: Metric) -> tuple[Any, Fisher, Cache]:
    folder = tmp_path_factory.mktemp("fisher")
    cache = Cache(folder / "cache")
    model = net()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X[:300], DATA.train.labels, epochs=20, verbose=0)
    steps = recipe({"step": "quantize", "aware": False})
    compressed = compress(source_of(model, folder), DATA, steps, accuracy, cache, SilentProgress())
    return compressed, fisher(compressed, DATA, 300, cache, SilentProgress()), cache


def losses(found: Fisher, layer: str) -> float:
    """1/2 sum F w^2: of all weights of a layer at zero."""
    return sum(0.5 * float((each.fisher * each.values**2).sum()) for each in found.kernels if each.layer == layer)


def test_a_layer_that_nothing_depends_on_is_harmless(made: tuple[Any, Fisher, Cache]) -> None:
    _, found, _ = made
    assert losses(found, "idle") == 0.0
    assert losses(found, "used") > 1e-3 and losses(found, "head") > 1e-3


def test_it_is_the_mean_square_of_each_examples_gradient(made: tuple[Any, Fisher, Cache]) -> None:
    """Of the head, whose gradient is known: (softmax - label) times its input."""
    compressed, found, _ = made
    model = open_compressed(compressed)
    inner = np.maximum(X[:300] @ np.asarray(model.get_layer("used").kernel) + np.asarray(model.get_layer("used").bias), 0)
    logits = inner @ np.asarray(model.get_layer("head").kernel) + np.asarray(model.get_layer("head").bias)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    error = shares - np.eye(3)[DATA.train.labels]
    expected = np.einsum("ni,nj->ji", inner**2, error**2) / 300
    head = next(each for each in found.kernels if each.layer == "head")
    assert np.allclose(head.fisher, expected, rtol=1e-3, atol=1e-7)


def test_it_says_what_may_be_done_to_layers(made: tuple[Any, Fisher, Cache]) -> None:
    _, found, _ = made
    layers = {layer.layer: layer for layer in found.layers}
    assert layers["used"].weights == 48 and all(layer.prunable for layer in found.layers)
    few = {name for name, layer in layers.items() if layer.few_bits}
    assert few == {"used", "idle"} - {found.layers[0].layer}  # neither the first layer nor the last
    (family,) = found.families
    assert set(family.layers) == {"used", "idle"} and layers["head"].reads == layers["used"].family == 0
    assert family.losses == tuple(sorted(family.losses)) and family.loss(0.5) == pytest.approx(sum(family.losses[:4]))


def test_a_slimmer_model_has_fewer_channels_and_its_other_weights_as_they_were(made: tuple[Any, Fisher, Cache]) -> None:
    compressed, _, cache = made
    whole, slim = slimmer(compressed, DATA, {}, cache), slimmer(compressed, DATA, {"used": 0.5, "idle": 0.5}, cache)
    kernels = [np.asarray(open_compressed(each.compressed).get_layer("used").kernel) for each in (whole, slim)]
    assert [kernel.shape for kernel in kernels] == [(6, 8), (6, 4)]
    columns = {column.tobytes() for column in kernels[0].T}
    assert all(column.tobytes() in columns for column in kernels[1].T)
    assert np.allclose(slim.largest["used"][0], np.abs(kernels[1]).max(axis=0))
    assert Path(slim.compressed.file).is_file()
