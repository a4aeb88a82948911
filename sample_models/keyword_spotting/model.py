"""DS-CNN as in MLPerf Tiny (mlcommons/tiny, benchmark/training/keyword_spotting, Apache-2.0)."""

from typing import Any

import tf_keras as keras
from tf_keras import layers

from edgepack.sources import DataFacts

FILTERS = 64


def build(data: DataFacts) -> keras.Model:
    """MFCC frames (49 x 10 x 1) to as many words as the data has: 26,728 parameters for 40.

    Batch normalisation has momentum 0.9 rather than the benchmark's 0.99, which needs more steps than 15 epochs of some thousand
    clips give.
    """
    inputs = layers.Input((49, 10, 1))
    x = normalized(layers.Conv2D(FILTERS, (10, 4), strides=2, padding="same", kernel_regularizer=decay())(inputs))
    x = layers.Dropout(0.2)(x)
    for _ in range(4):
        x = normalized(layers.DepthwiseConv2D(3, padding="same", depthwise_regularizer=decay())(x))
        x = normalized(layers.Conv2D(FILTERS, 1, padding="same", kernel_regularizer=decay())(x))
    x = layers.Dropout(0.4)(x)
    x = layers.Flatten()(layers.AveragePooling2D((25, 5))(x))
    return keras.Model(inputs, layers.Dense(data.classes, activation="softmax")(x))


def normalized(x: Any) -> Any:
    """Batch normalisation and ReLU."""
    return layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))


def decay() -> keras.regularizers.Regularizer:
    """The benchmark's weight decay."""
    return keras.regularizers.l2(1e-4)
