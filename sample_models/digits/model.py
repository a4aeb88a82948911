"""A small convolutional network for 8 x 8 digits."""

import tf_keras as keras
from tf_keras import layers


def build() -> keras.Model:
    """Three convolutions and a classifier: 10,170 parameters."""
    return keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            *convolution(16),
            *convolution(32),
            layers.MaxPooling2D(),
            *convolution(16),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def convolution(filters: int) -> list[layers.Layer]:
    """3 x 3, normalised over batches. Momentum 0.9: the default of 0.99 needs more steps than a small data set gives."""
    return [
        layers.Conv2D(filters, 3, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
    ]
