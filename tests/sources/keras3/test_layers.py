"""Every layer and activation of the installed Keras 3 either computes the same with Keras 2, or is refused by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.ground.errors import ModelError
from edgepack.sources.keras.frameworks import import_keras3
from edgepack.sources.keras.keras3.rebuild import rebuild
from edgepack.sources.keras.keras3.substitutes import left_out

from .agreement import differences

Made = Mapping[str, Callable[[Any, Any], Any]]


def _each(names: str, *args: Any, **settings: Any) -> Made:
    """Layers that are all made in the same way, by their names."""
    return {name: (lambda k, x, name=name: getattr(k, name)(*args, **settings)(x)) for name in names.split()}


VECTORS: Made = {
    **_each("ActivityRegularization BatchNormalization ELU Flatten Identity LayerNormalization LeakyReLU PReLU ReLU"),
    **_each("RMSNormalization Softmax UnitNormalization"),
    **_each("AlphaDropout Dropout GaussianDropout GaussianNoise", 0.2),
    **{
        name: (lambda k, x, name=name: getattr(k, name)()([x, k.Dense(4)(x)]))
        for name in ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")
    },
    "Activation": lambda k, x: k.Activation("mish")(x),
    "Dense": lambda k, x: k.Dense(3)(x),
    "Discretization": lambda k, x: k.Discretization([0.0, 0.5])(x),
    "Dot": lambda k, x: k.Dot(1)([x, x]),
    "Normalization": lambda k, x: k.Normalization(mean=[1.0, 2.0, 3.0, 4.0], variance=[1.0, 2.0, 1.0, 3.0])(x),
    "RepeatVector": lambda k, x: k.RepeatVector(3)(x),
    "Rescaling": lambda k, x: k.Rescaling(0.5, 1.0)(x),
    "Reshape": lambda k, x: k.Reshape((2, 2))(x),
    "GroupNormalization": lambda k, x: k.GroupNormalization(2)(x),
}
SEQUENCES: Made = {
    **_each("GlobalAveragePooling1D GlobalMaxPooling1D Masking RMSNormalization"),
    **_each("AveragePooling1D MaxPooling1D UpSampling1D ZeroPadding1D Cropping1D", 2),
    **_each("AdaptiveAveragePooling1D AdaptiveMaxPooling1D", 3),
    **_each("Conv1D Conv1DTranspose SeparableConv1D", 3, 2),
    **_each("GRU LSTM SimpleRNN", 3),
    "SpatialDropout1D": lambda k, x: k.SpatialDropout1D(0.2)(x),
    "DepthwiseConv1D": lambda k, x: k.DepthwiseConv1D(3)(x),
    "Permute": lambda k, x: k.Permute((2, 1))(x),
    "TimeDistributed": lambda k, x: k.TimeDistributed(k.Dense(3, activation="hard_silu"))(x),
    "Bidirectional": lambda k, x: k.Bidirectional(k.LSTM(3, return_sequences=True))(x),
    "RNN": lambda k, x: k.RNN(k.GRUCell(3))(x),
    "StackedRNNCells": lambda k, x: k.RNN(k.StackedRNNCells([k.LSTMCell(3), k.SimpleRNNCell(2)]))(x),
    "EinsumDense": lambda k, x: k.EinsumDense("abc,cd->abd", output_shape=(None, 3), activation="relu6")(x),
    "Attention": lambda k, x: k.Attention()([x, x]),
    "AdditiveAttention": lambda k, x: k.AdditiveAttention()([x, x]),
    "MultiHeadAttention": lambda k, x: k.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True),
    "GroupQueryAttention": lambda k, x: k.GroupQueryAttention(4, 4, 2, use_gate=True)(x, x, use_causal_mask=True),
    "Embedding": lambda k, x: k.Embedding(5, 3)(import_keras3().ops.cast(x > 0, "int32")),
}
IMAGES: Made = {
    **_each("GlobalAveragePooling2D GlobalMaxPooling2D RMSNormalization"),
    **_each("AveragePooling2D MaxPooling2D UpSampling2D ZeroPadding2D Cropping2D", 2),
    **_each("RandomFlip AugMix CutMix MixUp RandAugment RandomErasing RandomGaussianBlur RandomGrayscale RandomInvert"),
    **_each("RandomElasticTransform RandomPerspective RandomShear RandomColorJitter"),
    **_each("RandomBrightness RandomContrast RandomHue RandomRotation RandomSharpness RandomZoom", 0.1),
    **_each("RandomColorDegeneration RandomSaturation", 0.1),
    **_each("Conv2D Conv2DTranspose SeparableConv2D", 3, 2),
    **_each("AdaptiveAveragePooling2D AdaptiveMaxPooling2D", (3, 4)),
    **_each("CenterCrop Resizing", 4, 6),
    "RandomTranslation": lambda k, x: k.RandomTranslation(0.1, 0.1)(x),
    "RandomPosterization": lambda k, x: k.RandomPosterization(4)(x),
    "Pipeline": lambda k, x: k.Pipeline([k.RandomFlip(), k.RandomHue(0.1)])(x),
    "DepthwiseConv2D": lambda k, x: k.DepthwiseConv2D(3)(x),
    "SpatialDropout2D": lambda k, x: k.SpatialDropout2D(0.2)(x),
    "ConvLSTM1D": lambda k, x: k.ConvLSTM1D(2, 3)(x),
}
VOLUMES: Made = {
    **_each("GlobalAveragePooling3D GlobalMaxPooling3D"),
    **_each("AveragePooling3D MaxPooling3D UpSampling3D ZeroPadding3D Cropping3D", 2),
    **_each("AdaptiveAveragePooling3D AdaptiveMaxPooling3D", (2, 3, 2)),
    **_each("Conv3D Conv3DTranspose ConvLSTM2D", 2, 2),
    "SpatialDropout3D": lambda k, x: k.SpatialDropout3D(0.2)(x),
}
EQUAL = {
    "vectors": ((4,), VECTORS),
    "sequences": ((8, 4), SEQUENCES),
    "images": ((8, 8, 3), IMAGES),
    "volumes": ((6, 6, 6, 2), VOLUMES),
}
# Refused, each with an input shape.
REFUSED: dict[str, tuple[tuple[int, ...], Callable[[Any, Any], Any]]] = {
    **{name: ((8, 8, 3), made) for name, made in _each("AutoContrast Solarization").items()},
    "ContrastLimitedAdaptiveHistogramEqualization": (
        (8, 8, 3),
        lambda k, x: k.ContrastLimitedAdaptiveHistogramEqualization()(x),
    ),
    "MaxNumBoundingBoxes": ((8, 8, 3), lambda k, x: k.MaxNumBoundingBoxes(3)(x)),
    "RandomCrop": ((8, 8, 3), lambda k, x: k.RandomCrop(4, 4)(x)),
    "SpectralNormalization": ((4,), lambda k, x: k.SpectralNormalization(k.Dense(3))(x)),
    "MelSpectrogram": ((512,), lambda k, x: k.MelSpectrogram(64, 32)(x)),
    "STFTSpectrogram": ((512, 1), lambda k, x: k.STFTSpectrogram("log", 64, 32, 64)(x)),
    "ReversibleEmbedding": ((4,), lambda k, x: k.ReversibleEmbedding(9, 3)(x)),
    "Lambda": ((4,), lambda k, x: k.Lambda(abs)(x)),
}
# Neither taken nor refused by this test: bases and pieces of others, preprocessing of text and categories, whose inputs no int8
# file has, layers around other programs, and one that Keras itself takes in no functional model (Equalization).
ELSEWHERE = {
    "Equalization",
    "ConvLSTM3D",
    "GRUCell",
    "HashedCrossing",
    "Hashing",
    "Input",
    "InputLayer",
    "InputSpec",
    "IntegerLookup",
    "LSTMCell",
    "Layer",
    "SimpleRNNCell",
    "StringLookup",
    "TextVectorization",
    "Wrapper",
    "CategoryEncoding",
    "FlaxLayer",
    "JaxLayer",
    "TFSMLayer",
    "TorchModuleWrapper",
}


def test_every_layer_of_keras_is_looked_at() -> None:
    layers = import_keras3().layers
    classes = {getattr(layers, name) for name in dir(layers) if name[0].isupper()}
    known = {name for _, group in EQUAL.values() for name in group} | REFUSED.keys() | ELSEWHERE
    named = {getattr(layers, name) for name in known if hasattr(layers, name)}
    assert {kind.__name__ for kind in classes - named} == set()


@pytest.mark.parametrize("group", EQUAL)
def test_layers_compute_the_same(group: str, tmp_path: Path) -> None:
    keras = import_keras3()
    shape, made = EQUAL[group]
    start = keras.Input(shape)
    model = keras.Model(start, [make(keras.layers, start) for make in made.values()])
    inputs = np.random.default_rng(1).normal(size=(4, *shape)).astype(np.float32)
    found = dict(zip(made, differences(model, tmp_path, [inputs]), strict=True))
    assert {name: value for name, value in found.items() if not value < 1e-4} == {}


@pytest.mark.parametrize("name", REFUSED)
def test_layers_without_a_counterpart_are_named(name: str) -> None:
    keras = import_keras3()
    shape, make = REFUSED[name]
    start = keras.Input(shape)
    with pytest.raises(ModelError, match=rf"layer .*{name}|{name}.* layer") as error:
        rebuild(keras.Model(start, make(keras.layers, start)), "model.keras", {})
    assert error.value.code == ("EP-223" if name == "Lambda" else "EP-232")


def _activations() -> list[str]:
    activations = import_keras3().activations
    return [name for name in dir(activations) if name[0] != "_" and name not in ("deserialize", "get", "serialize", "threshold")]


@pytest.mark.parametrize("by_name", [True, False])
def test_activations_inside_of_layers_compute_the_same(by_name: bool, tmp_path: Path) -> None:
    keras = import_keras3()
    layers, start = keras.layers, keras.Input((8, 4))
    outputs = []
    for name in _activations():
        given = name if by_name else getattr(keras.activations, name)
        outputs.append(layers.Dense(6, activation=given)(start) if by_name else layers.Conv1D(6, 3, activation=given)(start))
    model = keras.Model(start, outputs)
    inputs = np.random.default_rng(1).normal(size=(4, 8, 4)).astype(np.float32)
    found = dict(zip(_activations(), differences(model, tmp_path, [inputs]), strict=True))
    assert {name: value for name, value in found.items() if not value < 1e-4} == {}


def test_activations_inside_of_recurrent_layers_compute_the_same(tmp_path: Path) -> None:
    keras = import_keras3()
    layers, start = keras.layers, keras.Input((8, 4))
    outputs = [
        layers.LSTM(3, recurrent_activation="hard_sigmoid")(start),
        layers.Bidirectional(layers.GRU(3, recurrent_activation="hard_sigmoid", activation="hard_sigmoid"))(start),
        layers.GRU(3, activation="hard_sigmoid", reset_after=False)(start),
        layers.SimpleRNN(3, activation="hard_sigmoid")(start),
        layers.RNN(layers.LSTMCell(3, recurrent_activation="hard_sigmoid"))(start),
        layers.LSTM(3, activation="relu6")(start),
    ]
    inputs = 3 * np.random.default_rng(1).normal(size=(4, 8, 4)).astype(np.float32)
    assert max(differences(keras.Model(start, outputs), tmp_path, [inputs])) < 1e-5


@pytest.mark.parametrize(
    "settings",
    [
        {"MultiHeadAttention": {"num_heads": 2, "key_dim": 2, "use_gate": True}},
        {"GroupQueryAttention": {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1, "sliding_window": 2}},
    ],
)
def test_a_setting_that_keras_2_lacks_is_named(settings: dict[str, dict[str, Any]]) -> None:
    keras = import_keras3()
    [(name, given)] = settings.items()
    start = keras.Input((4, 4))
    model = keras.Model(start, getattr(keras.layers, name)(**given)(start, start))
    with pytest.raises(ModelError, match=r"use_gate|sliding_window") as error:
        rebuild(model, "model.keras", {})
    assert error.value.code == "EP-232"


def test_a_layer_that_is_called_twice_keeps_one_set_of_weights(tmp_path: Path) -> None:
    keras = import_keras3()
    layers, start = keras.layers, keras.Input((6, 4))
    norm, dense = layers.RMSNormalization(), layers.Dense(4, activation="hard_silu")
    model = keras.Model(start, norm(dense(norm(dense(start)))))
    inputs = np.random.default_rng(1).normal(size=(4, 6, 4)).astype(np.float32)
    assert max(differences(model, tmp_path, [inputs])) < 1e-5
    assert rebuild(model, "model.keras", {}).count_params() == model.count_params()


def test_what_takes_several_layers_is_taken_within_models(tmp_path: Path) -> None:
    keras = import_keras3()
    layers = keras.layers
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, activation="hard_sigmoid"), layers.RMSNormalization(), layers.Dense(3)]
    )
    model = keras.Sequential([keras.Input((8, 4)), layers.TimeDistributed(inner), layers.Flatten(), layers.Dense(2)])
    inputs = np.random.default_rng(1).normal(size=(4, 8, 4)).astype(np.float32)
    assert max(differences(model, tmp_path, [inputs])) < 1e-5


def test_a_class_derived_from_model_that_says_its_inputs_and_outputs_is_taken(tmp_path: Path) -> None:
    keras = import_keras3()

    class Plain(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            start = keras.Input((4,))
            super().__init__(inputs=start, outputs=keras.layers.Dense(3, activation="hard_tanh")(start))

    class Doubling(Plain):
        def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
            return super().call(inputs) * 2

    inputs = np.random.default_rng(1).normal(size=(4, 4)).astype(np.float32)
    assert max(differences(Plain(), tmp_path, [inputs])) < 1e-5
    with pytest.raises(ModelError, match="Doubling is a subclassed model") as error:
        rebuild(Doubling(), "model.py", {})
    assert error.value.code == "EP-229"


def test_augmentation_that_is_left_out_is_named() -> None:
    keras = import_keras3()
    layers = keras.layers
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.RandAugment(name="more"), layers.RandomFlip(), layers.Conv2D(2, 3)])
    assert list(left_out(model)) == ["more (RandAugment)"]
    assert [type(layer).__name__ for layer in rebuild(model, "model.keras", {}).layers][1:] == ["RandomFlip", "Conv2D"]
