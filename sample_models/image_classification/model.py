"""ResNet-8 as in MLPerf Tiny (mlcommons/tiny, benchmark/training/image_classification, Apache-2.0)."""

from typing import Any

import tf_keras as keras
from tf_keras import layers


def build() -> keras.Model:
    """Raw RGB pixels (0..255) of 32 x 32 images to ten classes: 78,666 parameters.

    The layers are in the benchmark's order, so that its pretrainedResnet.h5 can be given with --weights.
    """
    inputs = layers.Input((32, 32, 3))
    x = layers.Activation("relu")(normalized(convolution(16, 3)(inputs)))
    x = block(x, 16, strides=1)
    x = block(x, 32, strides=2)
    x = block(x, 64, strides=2)
    x = layers.Flatten()(layers.AveragePooling2D(8)(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax", kernel_initializer="he_normal")(x))


def block(x: Any, filters: int, strides: int) -> Any:
    """Two 3 x 3 convolutions beside a shortcut, which is a 1 x 1 convolution where the size changes."""
    y = layers.Activation("relu")(normalized(convolution(filters, 3, strides)(x)))
    y = normalized(convolution(filters, 3)(y))
    if strides > 1:
        x = convolution(filters, 1, strides)(x)
    return layers.Activation("relu")(layers.Add()([x, y]))


def convolution(filters: int, size: int, strides: int = 1) -> layers.Layer:
    """A convolution with the benchmark's initialiser and weight decay."""
    return layers.Conv2D(
        filters,
        size,
        strides=strides,
        padding="same",
        kernel_initializer="he_normal",
        kernel_regularizer=keras.regularizers.l2(1e-4),
    )


def normalized(x: Any) -> Any:
    """Batch normalisation."""
    return layers.BatchNormalization()(x)
