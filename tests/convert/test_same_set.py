"""Zeros, values and bits of the .tflite's row are shares of one set of weights, also where the converter rearranges some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import entropy

from edgepack.compress.figures import figures
from edgepack.compress.keras.graph import flat_model
from edgepack.compress.keras.kernels import kernels
from edgepack.convert.convert import Converted
from edgepack.convert.proof import prove
from edgepack.convert.survival import check_kernels
from edgepack.flatbuffer import Model, read_model
from edgepack.sources.keras.tokens import with_whole_tokens

from ..compress.small import fresh
from ..compress.test_wrapped_layers import MODELS
from .small_files import int8_file


def local_matrix(keras: Any) -> Any:
    """The converter has its kernel as a matrix of which most is zero, whatever the model's weights are."""
    layers = keras.layers
    return keras.Sequential(
        [layers.Input((6, 3)), layers.Dense(40), layers.LocallyConnected1D(4, 2, implementation=2, name="local")]
    )


def halved(name: str) -> tuple[Any, Model, Converted]:
    """A model with about half of its weights zero, and its int8 .tflite."""
    model = (MODELS | {"local, as one matrix": local_matrix})[name](fresh(1))
    model = with_whole_tokens(flat_model(model, [tuple(tensor.shape[1:]) for tensor in model.inputs])[0], {})[0]
    rng = np.random.default_rng(0)
    for kernel in kernels(model):
        kernel.variable.assign(kernel.values * (rng.random(kernel.values.shape) < 0.5))
    draw: Callable[..., Any] = (
        (lambda shape: rng.integers(0, 20, shape)) if name == "Embedding" else (lambda shape: rng.normal(size=shape))
    )
    content = int8_file(model, *(draw((30, *tensor.shape[1:])) for tensor in model.inputs))
    file = read_model(content)
    return model, file, Converted(None, "", "int8", prove(file, "any"), check_kernels(model, file))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("Dense", ()),
        ("LSTM", ()),
        ("Bidirectional LSTM", ()),
        ("Bidirectional GRU", ()),
        ("Embedding", ()),
        ("own layer with sublayers", ()),
        ("GRU of the first paper", ()),
        ("LocallyConnected1D", ()),
        ("MultiHeadAttention", ()),
        ("local, as one matrix", ("local",)),
    ],
)
def test_half_of_the_weights_are_zero_whichever_the_converter_rearranges(name: str, lost: tuple[str, ...]) -> None:
    model, _, converted = halved(name)
    seen = [kernel for kernel in kernels(model) if kernel.name not in lost and kernel.layer not in lost]
    assert converted.weights == sum(kernel.values.size for kernel in seen)
    pruned = sum(int((kernel.values == 0).sum()) for kernel in seen)
    assert pruned <= converted.zeros <= pruned + 0.02 * converted.weights
    assert 0.4 < converted.sparsity < 0.65
    assert [layer.found for layer in converted.layers].count(False) == len(lost)
    assert converted.entropy is not None and 0 < converted.entropy <= np.log2(255)


def test_bits_are_shannons_of_the_codes_in_the_file() -> None:
    _, file, converted = halved("Dense")
    codes = [
        tensor.data for graph in file.subgraphs for tensor in graph.tensors if tensor.data is not None and len(tensor.shape) == 2
    ]
    found = [(values.size, entropy(np.unique(values, return_counts=True)[1], base=2)) for values in codes]
    assert converted.entropy == pytest.approx(sum(size * bits for size, bits in found) / sum(size for size, _ in found))


@pytest.mark.parametrize("name", ["LSTM", "Bidirectional GRU", "MultiHeadAttention", "own layer with sublayers", "Embedding"])
def test_int8_bytes_count_every_bias(name: str) -> None:
    model = MODELS[name](fresh(1))
    found = figures(model)
    weights = sum(layer.weights for layer in found.layers)
    assert found.int8_bytes == weights + 4 * (model.count_params() - weights)
    assert found.sparsity == found.zeros / weights


def test_normalisations_are_no_kernels() -> None:
    """Their offsets begin as zeros, which nobody has pruned."""
    found = figures(MODELS["LayerNormalization"](fresh(1)))
    assert found.zeros == 0 and {layer.kind for layer in found.layers} == {"Dense"}
