"""A zero lost in conversion is found, and its layer named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgepack.compress.figures import figures
from edgepack.compress.keras.kernels import kernels
from edgepack.convert import Converted
from edgepack.convert.survival import check_kernels
from edgepack.convert.tflite import run_converter
from edgepack.flatbuffer import Model, read_model
from edgepack.ground.errors import ConvertError
from edgepack.ground.progress import SilentProgress
from edgepack.sources import Dataset, Split

from ..compress.conftest import Walk


def without_a_zero(model: Model, size: int) -> Model:
    """The file with one zero of its constant of `size` elements made a one."""
    graph = model.subgraphs[0]

    def spoilt(tensor: Any) -> Any:
        if tensor.data is None or tensor.data.size != size or tensor.dtype != "int8":
            return tensor
        values = tensor.data.copy()
        values.flat[np.flatnonzero(values == 0)[0]] = 1
        return replace(tensor, data=values)

    return replace(model, subgraphs=(replace(graph, tensors=tuple(map(spoilt, graph.tensors))),))


@pytest.mark.parametrize(("layer", "size"), [("pointwise", 192), ("head", 1440)])
def test_one_lost_zero_is_enough(layer: str, size: int, walk: Walk, converted: Converted) -> None:
    with pytest.raises(ConvertError, match=f"layer {layer}: of {size // 2} pruned weights only {size // 2 - 1}") as caught:
        check_kernels(walk.model("quantize"), without_a_zero(read_model(converted.file), size))
    assert caught.value.code == "EP-454"


def test_layers_of_equal_shape_are_not_mistaken_for_each_other(walk: Walk, converted: Converted) -> None:
    layers = check_kernels(walk.model("quantize"), read_model(converted.file))
    assert [layer.pruned for layer in layers] == [54, 54, 96, 720]
    assert all(layer.found and layer.pruned <= layer.zeros <= layer.weights for layer in layers)


def _attention(layers: Any) -> Any:
    import tf_keras

    given = layers.Input((6, 8))
    return tf_keras.Model(given, layers.MultiHeadAttention(2, 4, output_shape=5, name="odd")(given, given))


def _alone(shape: tuple[int, ...], make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def model(layers: Any) -> Any:
        import tf_keras

        return tf_keras.Sequential([layers.Input(shape), make(layers)])

    return model


@pytest.mark.parametrize(
    "make",
    [
        _attention,
        _alone((6, 8), lambda layers: layers.EinsumDense("abc,cde->abde", (None, 3, 4), name="odd")),
        _alone((6, 8), lambda layers: layers.EinsumDense("abc,cd->abd", (None, 5), name="odd")),
        _alone((5, 4), lambda layers: layers.GRU(6, reset_after=False, unroll=True, name="odd")),
        _alone((5, 4), lambda layers: layers.GRU(6, reset_after=True, unroll=True, name="odd")),
        _alone((6, 3), lambda layers: layers.LocallyConnected1D(4, 2, name="odd")),
        _alone((4, 5, 3), lambda layers: layers.LocallyConnected2D(4, 2, name="odd")),
        _alone((2, 4, 4, 3), lambda layers: layers.TimeDistributed(layers.Conv2DTranspose(5, 2), name="odd")),
        _alone((2, 4, 4, 3), lambda layers: layers.TimeDistributed(layers.DepthwiseConv2D(2), name="odd")),
    ],
    ids=["attention", "heads", "einsum", "gru", "gru after", "local 1d", "local 2d", "transposed", "depthwise"],
)
def test_kernels_that_the_converter_turns_or_cuts_are_found(make: Callable[[Any], Any]) -> None:
    """With a fifth of the weights zero, so that a kernel matched with the wrong places would be said to have lost some."""
    import tf_keras

    tf_keras.utils.set_random_seed(3)
    model = make(tf_keras.layers)
    for kernel in kernels(model):
        values = kernel.values.copy()
        values[np.abs(values) < np.quantile(np.abs(values), 0.2)] = 0
        kernel.variable.assign(values)
    examples = np.random.default_rng(0).normal(size=(8, *model.input_shape[1:])).astype(np.float32)
    split = Split((examples,), None)
    with SilentProgress().stage("") as task:
        content = run_converter(model, "int8", Dataset(split, split, split, split, "", (), {}), task)
    (found,) = check_kernels(model, read_model(content))
    everything = sum(kernel.values.size for kernel in kernels(model))
    assert found.found and found.matched == found.weights == everything
    assert found.zeros >= found.pruned > 0 and found.bits > 0
    figured = figures(model).layers[0]
    assert found.distinct <= figured.distinct + 1 and figured.distinct <= found.distinct + 1, "channels of the same size"
