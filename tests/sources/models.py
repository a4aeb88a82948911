"""Small Keras 3 models of every kind that edgepack rebuilds, with weights no initialiser would give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def residual(keras: Any) -> Any:
    layers = keras.layers
    start = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", kernel_regularizer="l2")(start)
    x = layers.BatchNormalization()(x)
    y = layers.ReLU()(x)
    y = layers.Conv2D(4, 3, padding="same", use_bias=False)(y)
    x = layers.Add()([x, y])
    x = layers.Concatenate()([x, layers.MaxPooling2D(1)(y)])
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(start, layers.Dense(3, activation="softmax")(x))


def separable(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((9, 9, 4)),
            layers.ZeroPadding2D(1),
            layers.DepthwiseConv2D(3, strides=2, depth_multiplier=2),
            layers.LeakyReLU(negative_slope=0.2),
            layers.SeparableConv2D(6, 3, padding="same", activation="relu"),
            layers.Conv2D(6, 1, groups=3),
            layers.PReLU(),
            layers.GroupNormalization(2),
            layers.AveragePooling2D(2),
            layers.Conv2DTranspose(3, 3, strides=2),
            layers.UpSampling2D(2, interpolation="nearest"),
            layers.Dropout(0.4),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )


def nested(keras: Any) -> Any:
    layers = keras.layers
    inside = keras.Input((6,))
    block = keras.Model(inside, layers.BatchNormalization()(layers.Dense(6, activation="tanh")(inside)), name="block")
    tail = keras.Sequential([layers.Dense(5, activation="elu"), layers.BatchNormalization()], name="tail")
    start = keras.Input((6,))
    x = block(start)
    x = layers.Add()([block(x), x])
    return keras.Model(start, tail(x))


def several(keras: Any) -> Any:
    layers = keras.layers
    image, numbers = keras.Input((6, 6, 1), name="image"), keras.Input((4,), name="numbers")
    shared = layers.Dense(4, name="shared")
    x = layers.Flatten()(layers.Conv2D(2, 3)(image))
    x = layers.Multiply()([shared(layers.Dense(4)(x)), shared(numbers)])
    return keras.Model(
        {"numbers": numbers, "image": image}, {"b": layers.Dense(3, name="b")(x), "a": layers.Dense(1, name="a")(x)}
    )


def recurrent(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((7, 3)),
            layers.Conv1D(4, 3, padding="causal"),
            layers.Bidirectional(layers.GRU(4, return_sequences=True)),
            layers.TimeDistributed(keras.Sequential([layers.Dense(5), layers.BatchNormalization(), layers.ReLU(max_value=6.0)])),
            layers.LSTM(3, return_sequences=True),
            layers.GRU(3, reset_after=False),
            layers.Dense(2, activation="sigmoid"),
        ]
    )


def attention(keras: Any) -> Any:
    layers = keras.layers
    start = keras.Input((5,), dtype="int32")
    x = layers.Embedding(11, 8)(start)
    y = layers.MultiHeadAttention(2, 4)(x, x)
    x = layers.LayerNormalization()(x + y)
    return keras.Model(start, layers.Dense(2)(layers.GlobalMaxPooling1D()(x)))


def functions(keras: Any) -> Any:
    ops, layers = keras.ops, keras.layers
    start = keras.Input((6, 6, 2))
    x = layers.Conv2D(4, 3, padding="same")(start)
    y = layers.Conv2D(4, 3, padding="same")(start)
    z = ops.relu((x + y) * 0.5 - 1.0)
    z = ops.concatenate([z, ops.sigmoid(x - y), 1.0 - ops.maximum(x, y)], axis=-1)
    z = keras.activations.gelu(z[:, 1:, ::2])
    z = layers.Activation("hard_silu")(z)
    z = ops.hard_sigmoid(ops.leaky_relu(z, 0.1))
    z = ops.mean(z, axis=[1, 2]) / 3.0
    return keras.Model(start, ops.softmax(layers.Dense(4)(ops.reshape(z, (-1, 12)))))


def scaled(keras: Any) -> Any:
    layers = keras.layers
    normalize = layers.Normalization(axis=-1)
    normalize.adapt(np.random.default_rng(5).normal(3.0, 2.0, (50, 3)))
    return keras.Sequential([keras.Input((3,)), normalize, layers.Rescaling(0.5, offset=1.0), layers.Dense(2)])


def open_length(keras: Any) -> Any:
    layers = keras.layers
    start = keras.Input((None, None, 1))
    return keras.Model(start, layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3, activation="silu")(start)))


def mobile(keras: Any) -> Any:
    return keras.applications.MobileNetV2(
        input_shape=(32, 32, 3), alpha=0.35, weights=None, classes=4, classifier_activation=None
    )


KERAS_3_MODELS: dict[str, Callable[[Any], Any]] = {
    function.__name__: function
    for function in (residual, separable, nested, several, recurrent, attention, functions, scaled, open_length, mobile)
}


def randomise(model: Any, seed: int = 3) -> Any:
    """Move biases, gains and statistics away from the zeros and ones they start at, so that a forgotten or swapped one shows.

    Matrices are random already; they keep the initialiser's size, which keeps rounding small in deep models.
    """
    random = np.random.default_rng(seed)
    values = model.get_weights()
    for index, value in enumerate(values):
        if value.ndim == 1 and value.dtype.kind == "f":
            values[index] = (value + random.uniform(0.0, 0.4, value.shape)).astype(value.dtype)
    model.set_weights(values)
    return model
