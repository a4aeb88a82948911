"""The model: a small convolutional network for 16 x 16 images of four classes."""

import tf_keras as keras
from tf_keras import layers


def build() -> keras.Model:
    """The untrained model; edgepack trains it with the data of data.py.

    BatchNormalization has momentum 0.9 because its default of 0.99 needs more steps than a small data set gives.
    """
    return keras.Sequential(
        [
            layers.Input((16, 16, 1)),
            layers.Conv2D(8, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]
    )
