"""Writes clustered.tflite and pruned.tflite beside this file: what a Keras model converts to. Run once, with TensorFlow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras

IMAGES = np.random.default_rng(0).normal(size=(20, 1, 12, 12, 3)).astype(np.float32)


def network() -> keras.Model:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((12, 12, 3)),
            layers.Conv2D(16, 3, padding="same", activation="relu", name="stem"),
            layers.DepthwiseConv2D(3, strides=2, activation="relu", name="depth"),
            layers.Conv2D(32, 1, activation="relu", use_bias=False, name="point"),
            layers.Conv2DTranspose(8, 2, strides=2, name="up"),
            layers.GlobalAveragePooling2D(name="mean"),
            layers.Dense(64, activation="relu", name="hidden"),
            layers.Dense(10, activation="softmax", name="head"),
        ]
    )


def clustered(values: np.ndarray) -> np.ndarray:
    """Seven evenly spaced values in place of all."""
    step = np.abs(values).max() / 3
    return np.round(values / step) * step


def pruned(values: np.ndarray) -> np.ndarray:
    """The largest fifth; zero for the others."""
    return np.where(np.abs(values) >= np.quantile(np.abs(values), 0.8), values, 0)


for change in (clustered, pruned):
    keras.utils.set_random_seed(7)
    model = network()
    for layer in model.layers:
        layer.set_weights([change(value) if value.ndim > 1 else value for value in layer.get_weights()])
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image] for image in IMAGES)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    Path(__file__).with_name(f"{change.__name__}.tflite").write_bytes(converter.convert())
