"""Clustering leaves few distinct weights in each output channel; they survive aware training and conversion, beside the zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgepack.compress.keras.kernels import Kernel, kernels
from edgepack.compress.quantization.int8 import channels_first, channels_last, most_distinct
from edgepack.compress.training.keep import Keeper, most_values
from edgepack.compress.weights.kmeans import share_values
from edgepack.compress.work import Structure, Work
from edgepack.convert.survival import check_kernels
from edgepack.convert.tflite import run_converter
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import ProjectError, RecipeError
from edgepack.ground.progress import SilentProgress

from .small import digits, digits_net, fresh, noise, recipe

BOTH: frozenset[Structure] = frozenset({"zeros", "clusters"})


def apply(model: Any, data: Any, kept: frozenset[Structure] = frozenset(), **table: Any) -> tuple[Any, list[str]]:
    (step, *_) = recipe({"epochs": 1, **table}, *([] if table["step"] == "quantize" else [{"step": "quantize"}]))
    with SilentProgress().stage("") as task:
        work = Work(data, task, kept)
        return step.apply(model, work), work.notes


def pruned_net() -> Any:
    """The digits network with the smaller half of every kernel zero."""
    model = digits_net()
    for kernel in kernels(model):
        values = kernel.values
        kernel.variable.assign(np.where(np.abs(values) < np.median(np.abs(values)), 0, values))
    return model


def test_a_row_that_needs_no_sharing_is_left_as_it_is() -> None:
    rows = np.float32([[1, 2, 1, 2, 0], [3, 0, 0, 0, 3]])
    assert np.array_equal(share_values(rows, 3, "density", True, np.random.default_rng(0)), rows)


@pytest.mark.parametrize("start", ["kmeans++", "density", "linear"])
def test_k_means_finds_well_separated_groups(start: Any) -> None:
    """scikit-learn's k-means gives the same shared values."""
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(3)
    row = np.concatenate([rng.normal(center, 0.02, 40) for center in (-1, -0.4, 0.3, 1.1)]).astype(np.float32)
    shared = share_values(row[None], 4, start, False, rng)[0]
    expected = KMeans(4, n_init=5, random_state=0).fit(row[:, None])
    np.testing.assert_allclose(shared, expected.cluster_centers_[expected.labels_, 0], rtol=1e-4)


@pytest.mark.parametrize("start", ["kmeans++", "density", "linear"])
def test_zeros_stay_and_count_as_one_value(start: Any) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(6, 200)).astype(np.float32) * (rng.random((6, 200)) < 0.4)
    shared = share_values(rows.astype(np.float32), 8, start, True, rng)
    np.testing.assert_array_equal(shared == 0, rows == 0)
    assert most_distinct(shared) == 8


@pytest.mark.parametrize(
    ("kind", "name", "shape"),
    [("Conv2D", "kernel", (3, 2, 4, 5)), ("DepthwiseConv2D", "depthwise_kernel", (3, 3, 4, 2)), ("Dense", "kernel", (6, 3)),
     ("Conv2DTranspose", "kernel", (3, 3, 5, 4)), ("Conv1D", "kernel", (3, 4, 5)), ("Embedding", "embeddings", (7, 3))],
)  # fmt: skip
def test_rows_go_back_into_a_kernel_as_they_came(kind: str, name: str, shape: tuple[int, ...]) -> None:
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    np.testing.assert_array_equal(channels_last(kind, name, channels_first(kind, name, values), shape), values)


@pytest.mark.parametrize("scope", ["channel", "tensor"])
def test_clusters_and_zeros_survive_aware_training_and_conversion(scope: str) -> None:
    model = pruned_net()
    zeros = {kernel.layer: kernel.values == 0 for kernel in kernels(model)}
    clustered, notes = apply(model, digits(), frozenset({"zeros"}), step="cluster", clusters=6, scope=scope)
    for kernel in kernels(clustered):
        values = kernel.values
        assert most_values(kernel, values) <= 6
        assert scope == "channel" or np.unique(values).size <= 6
        np.testing.assert_array_equal((values == 0) & zeros[kernel.layer], zeros[kernel.layer])
    before = {kernel.layer: kernel.values for kernel in kernels(clustered)}
    assert not any("not clustered" in note for note in notes)

    quantized, _ = apply(clustered, digits(), BOTH, step="quantize", learning_rate=0.001)
    assert any(not np.array_equal(kernel.values, before[kernel.layer]) for kernel in kernels(quantized))
    with SilentProgress().stage("") as task:
        converted = read_model(run_converter(quantized, "int8", digits(), task))
    layers = check_kernels(quantized, converted, ("clusters", "zeros"))
    assert [layer.layer for layer in layers] == ["stem", "depthwise", "pointwise", "head"]
    for layer in layers:
        assert layer.found and layer.distinct <= 6 and layer.zeros >= layer.pruned >= np.count_nonzero(zeros[layer.layer])
        assert layer.zeros < 0.75 * layer.weights  # half were pruned: no kernel is lost, that of 1 x 1 neither
    constants = [t for t in converted.subgraphs[0].tensors if t.data is not None and t.dtype == "int8"]
    counted = []
    for tensor in constants:
        rows = (
            tensor.data.reshape(-1, tensor.shape[-1]).T if tensor.shape[:1] == (1,) else tensor.data.reshape(tensor.shape[0], -1)
        )
        counted.append(max(len(set(row.tolist())) for row in rows))
    assert len(counted) == 4 and max(counted) <= 6


def test_the_projection_is_the_mean_of_each_group_and_zero_for_zeros() -> None:
    """A hand-computed case: two output channels, four inputs."""
    import tensorflow as tf

    variable = tf.Variable(np.float32([[1, 5], [1, 5], [0, 6], [2, 0]]))
    keeper = Keeper([Kernel("head", "Dense", "kernel", variable)], BOTH)
    variable.assign(np.float32([[1.5, 4], [2.5, 7], [0.25, 6.5], [3, -1]]))
    keeper.callback.on_train_batch_end(0)
    np.testing.assert_array_equal(variable.numpy(), np.float32([[2, 5.5], [2, 5.5], [0, 6.5], [3, 0]]))
    keeper.verify("quantize")
    variable.assign(np.float32([[2, 5.5], [2.5, 5.5], [0, 6.5], [3, 0]]))
    with pytest.raises(
        RecipeError, match="layer head lost the shared values: 4 in an output channel where there were 3"
    ) as caught:
        keeper.verify("quantize")
    assert caught.value.code == "EP-414"


def test_other_layers_train_freely() -> None:
    clustered, _ = apply(digits_net(), digits(), step="cluster", clusters=4, layers=["point*", "head"])
    counts = {kernel.layer: most_values(kernel, kernel.values) for kernel in kernels(clustered)}
    assert counts["pointwise"] <= 4 and counts["head"] <= 4 and counts["stem"] == 9


def test_every_kind_of_kernel_is_clustered_by_output_channel() -> None:
    keras = fresh(0)
    layers = keras.layers
    start = keras.Input((12, 4))
    x = layers.Conv1D(6, 5, name="line")(start)
    x = layers.SeparableConv1D(6, 5, name="separable")(x)
    x = layers.Reshape((4, 1, 6))(x)
    x = layers.Conv2DTranspose(5, 3, strides=2, name="up")(x)
    model = keras.Model(start, layers.Dense(3, name="head")(layers.GlobalAveragePooling2D()(x)))
    clustered, _ = apply(model, noise(((12, 4),), 3), step="cluster", clusters=3)
    assert {most_values(kernel, kernel.values) for kernel in kernels(clustered)} == {3}


def test_pruning_after_clustering_is_refused() -> None:
    with pytest.raises(ProjectError, match="prune would destroy the clusters that cluster made") as caught:
        recipe({"step": "cluster"}, {"step": "prune"}, {"step": "quantize"})
    assert caught.value.code == "EP-404"


def test_a_layer_that_does_not_exist_is_refused() -> None:
    with pytest.raises(RecipeError, match="layers names 'heads'") as caught:
        apply(digits_net(), digits(), step="cluster", layers=["heads"])
    assert caught.value.code == "EP-412"
