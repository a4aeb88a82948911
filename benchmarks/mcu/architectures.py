"""Architectures whose memory others have published, with random weights: what `ram.py` compiles, and the benchmark's stem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

FAST_DOWNSAMPLING = ((2, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), *[(1, 512)] * 4, (1, 1024))  # stride, width
FIRES = ((16, 64), (16, 64), None, (32, 128), (32, 128), None, (48, 192), (48, 192), (64, 256), (64, 256))


def _conv(x: Any, width: int, kernel: int, stride: int = 1, padding: str = "same", activation: str | None = "relu") -> Any:
    """A convolution with batch normalisation."""
    from tf_keras import layers

    x = layers.BatchNormalization()(layers.Conv2D(width, kernel, stride, padding, use_bias=False)(x))
    return layers.Activation(activation)(x) if activation else x


def _separable(x: Any, width: int, stride: int = 1) -> Any:
    """A depthwise convolution and a pointwise one."""
    from tf_keras import layers

    return _conv(layers.DepthwiseConv2D(3, stride, "same")(x), width, 1)


def _classifier(first: Any, x: Any, classes: int) -> Any:
    from tf_keras import Model, layers

    return Model(first, layers.Dense(classes, "softmax")(layers.GlobalAveragePooling2D()(x)))


def fd_mobilenet() -> Any:
    """FD-MobileNet (Qin et al. 2018) of width 0.25 for 128x128x3 images and five classes."""
    from tf_keras import Input

    first = Input((128, 128, 3))
    x = _conv(first, 8, 3, 2)
    for stride, width in FAST_DOWNSAMPLING:
        x = _separable(x, width // 4, stride)
    return _classifier(first, x, 5)


def mobilenet(size: int) -> Any:
    """MobileNetV1 of width 0.25 for square RGB images and five classes."""
    import tf_keras

    return tf_keras.applications.MobileNet((size, size, 3), alpha=0.25, weights=None, classes=5)


def squeezenet() -> Any:
    """SqueezeNet 1.1 (Iandola et al. 2016) for 128x128x3 images and five classes."""
    from tf_keras import Input, Model, layers

    first = Input((128, 128, 3))
    x = layers.MaxPooling2D(3, 2)(layers.Conv2D(64, 3, 2, activation="relu")(first))
    for fire in FIRES:
        if fire is None:
            x = layers.MaxPooling2D(3, 2)(x)
            continue
        x = layers.Conv2D(fire[0], 1, activation="relu")(x)
        x = layers.concatenate([layers.Conv2D(fire[1], size, padding="same", activation="relu")(x) for size in (1, 3)])
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(5, 1, activation="relu")(x))
    return Model(first, layers.Softmax()(x))


def yolo_lc() -> Any:
    """A small one-stage detector for 192x192x3 images: four strided convolutions, separable ones, five anchors of one class."""
    from tf_keras import Input, Model, layers

    first = x = Input((192, 192, 3))
    for width in (16, 32, 64, 128):
        x = _conv(x, width, 3, 2)
    x = _separable(_separable(x, 256), 256)
    x = layers.MaxPooling2D(2, 1, "same")(x)
    x = _separable(_separable(x, 128), 256)
    return Model(first, _conv(x, 30, 1, activation=None))


def _stem(x: Any) -> Any:
    """How ResNets begin: 7x7 convolution and 3x3 maximum, each of stride 2 over a padded input."""
    from tf_keras import layers

    x = _conv(layers.ZeroPadding2D(3)(x), 64, 7, 2, "valid")
    return layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))


def mini_resnet() -> Any:
    """One stack of two residual blocks after a ResNet's stem, for spectrograms of 64x50 and ten classes."""
    from tf_keras import Input, layers

    first = Input((64, 50, 1))
    x = _stem(first)
    for block in range(2):
        shortcut = x if block else _conv(x, 64, 1, 2, activation=None)
        y = _conv(_conv(x, 64, 1, 1 if block else 2), 64, 3)
        x = layers.ReLU()(layers.Add()([shortcut, y]))
    return _classifier(first, x, 10)


def stem() -> Any:
    """A ResNet's stem and a classifier, for images of 64x64x3: convolution, PAD and MAX_POOL_2D."""
    from tf_keras import Input

    first = Input((64, 64, 3))
    return _classifier(first, _conv(_stem(first), 32, 3, 2), 10)


def unrolled(kind: str, units: int = 128, steps: int = 29, features: int = 40) -> Any:
    """An "LSTM" or "GRU" unrolled over its steps, with a classifier: every step multiplies by the same matrices."""
    from tf_keras import Input, Model, layers

    first = Input((steps, features))
    x = getattr(layers, kind)(units, unroll=True)(first)
    return Model(first, layers.Dense(12, "softmax")(x))


PUBLISHED: dict[str, tuple[Any, Sequence[Any], float]] = {
    # builder, its arguments, KiB of activations with input and output in STMicroelectronics' model zoo (Cube.AI 8.1)
    "fd_mobilenet_128": (fd_mobilenet, (), 51.2),
    "mobilenet_96": (mobilenet, (96,), 50.2),
    "squeezenet_128": (squeezenet, (), 242.0),
    "yolo_lc_192": (yolo_lc, (), 158.7),
    "mini_resnet": (mini_resnet, (), 59.9),
}
