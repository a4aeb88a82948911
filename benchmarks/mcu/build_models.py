"""Models the benchmark builds itself: seeded random weights, quantized to int8 by TensorFlow's converter.

`python benchmarks/mcu/build_models.py FOLDER` writes them (needs TensorFlow). What they compute means nothing; their shapes are
those of MobileNetV1 0.25 for 96x96 images (MLPerf Tiny's person detection), of its anomaly detection autoencoder, and of a
ResNet's first layers. One more MobileNet has the channels that training leaves: one of 16 is dead, and what follows it has large
multipliers.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.mcu import architectures

WIDTHS = (128, 128, 128, 128, 8, 128, 128, 128, 128)


def mobilenet() -> Any:
    """MobileNetV1 of width 0.25 for 96x96x3 images and two classes."""
    import tf_keras

    return tf_keras.applications.MobileNet((96, 96, 3), alpha=0.25, weights=None, classes=2)


def autoencoder() -> Any:
    """Dense 640-128-128-128-128-8-128-128-128-128-640, each with batch normalisation and ReLU but the last."""
    import tf_keras

    layers = tf_keras.layers
    x = first = tf_keras.Input((640,))
    for width in WIDTHS:
        x = layers.ReLU()(layers.BatchNormalization()(layers.Dense(width)(x)))
    return tf_keras.Model(first, layers.Dense(640)(x))


BUILDERS = {
    "mobilenet": mobilenet,
    "mobilenet_dead": mobilenet,
    "autoencoder": autoencoder,
    "stem": architectures.stem,
}


def kill(model: Any) -> None:
    """One of 16 channels dead after its ReLU: filters of zeros, for which converters choose a bias of 2^30 and any scale.

    A depthwise layer then normalises nothing, with a large factor, which makes a multiplier beyond a half.
    """
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            gamma, beta, mean, variance = layer.get_weights()
            if "_dw_" in layer.name:
                gamma[5::16] *= 1000
            else:
                gamma[5::16], beta[5::16] = 0, -0.5
            layer.set_weights([gamma, beta, mean, variance])


def build(name: str, file: Path) -> None:
    """Write one model."""
    build_as(BUILDERS[name], file, name.endswith("_dead"))


def build_as(builder: Callable[[], Any], file: Path, dead: bool = False) -> None:
    """Write the model that `builder` makes, with some channels `dead`."""
    import tensorflow as tf
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    model = builder()
    random = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, tf_keras.layers.BatchNormalization):
            size = layer.get_weights()[0].shape[0]
            scale, mean = random.uniform(0.8, 1.6, size), random.normal(0, 0.1, size)
            layer.set_weights([scale, random.normal(0, 0.3, size), mean, random.uniform(0.3, 1, size)])
    if dead:
        kill(model)
    shape = (1, *model.inputs[0].shape[1:])

    def examples() -> Iterator[list[Any]]:
        examples_random = np.random.default_rng(0)
        for _ in range(24):
            yield [examples_random.uniform(-1, 1, shape).astype(np.float32)]

    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec(shape))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = examples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(converter.convert())


def main() -> None:
    """Write every model to the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    for name in BUILDERS:
        build(name, asked.folder / f"{name}.tflite")
        print(f"wrote {asked.folder / f'{name}.tflite'}")


if __name__ == "__main__":
    main()
