"""A dense autoencoder as in MLPerf Tiny (mlcommons/tiny, benchmark/training/anomaly_detection, Apache-2.0)."""

import tf_keras as keras
from tf_keras import layers

from edgepack.sources import DataFacts


def build(data: DataFacts) -> keras.Model:
    """size - 4 x 128 - 8 - 4 x 128 - size, with the size of the data's examples; MLPerf Tiny's own is 640.

    Batch normalisation has momentum 0.9, because a small data set gives few steps.
    """
    (size,) = data.input_shape
    model = keras.Sequential([layers.Input((size,))])
    for units in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        model.add(layers.Dense(units))
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.Activation("relu"))
    model.add(layers.Dense(size))
    return model
