"""Models whose channels are tied together in every way the surgery has to follow."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgepack.compress.keras.kernels import weight_name
from edgepack.compress.keras.layer_kinds import RECURRENT
from edgepack.compress.keras.models import copy_model
from edgepack.compress.structured.channel_groups import ChannelMap

from .small import fresh


def shaken(model: Any, seed: int = 0) -> Any:
    """`model` with random weights everywhere, so that no bias or BatchNorm offset is zero; variances stay positive."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        layer.set_weights(
            [
                rng.uniform(0.5, 1.5, variable.shape) if "variance" in variable.name else rng.normal(0, 0.4, variable.shape)
                for variable in layer.weights
            ]
        )
    return model


def blind(model: Any, channels: ChannelMap, keep: Any) -> Any:
    """A copy of `model` in which every layer that mixes channels ignores the groups that are not kept: zeros in its kernel."""
    copy = copy_model(model)
    for layer in copy.layers:
        known = channels.layers.get(layer.name)
        if known is None or not known.makes:
            continue
        lost = np.flatnonzero(~keep[known.inputs])
        values = layer.get_weights()
        for variable, value in zip(layer.weights, values, strict=True):
            name = weight_name(variable)
            if name == "kernel" and known.kind.endswith("Transpose"):
                value[..., lost] = 0
            elif name == "kernel" and known.kind in RECURRENT:
                value[lost] = 0
            elif name in ("kernel", "depthwise_kernel"):
                value[..., lost, :] = 0
        layer.set_weights(values)
    return copy


def random_network(seed: int) -> Any:
    """Eight random layers on an image: residual additions, concatenations, squeeze-excite, depthwise and separable parts."""
    keras = fresh(seed)
    layers = keras.layers
    rng = np.random.default_rng(seed)
    start = layers.Input((8, 8, 3))
    tensors = [layers.Conv2D(int(rng.integers(4, 9)), 3, padding="same")(start)]

    def channels(x: Any) -> int:
        return int(x.shape[-1])

    for _ in range(8):
        x = tensors[int(rng.integers(max(0, len(tensors) - 3), len(tensors)))]
        kind = rng.choice(["conv", "norm", "depthwise", "add", "concat", "excite", "separable", "prelu", "pool", "up", "shared"])
        if kind == "conv":
            x = layers.Conv2D(int(rng.integers(3, 9)), int(rng.integers(1, 4)), padding="same", activation="relu")(x)
        elif kind == "norm":
            x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
        elif kind == "depthwise":
            x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=int(rng.integers(1, 3)))(x)
        elif kind == "add":
            x = layers.Add()([x, layers.Conv2D(channels(x), 3, padding="same")(tensors[0])])
        elif kind == "concat":
            x = layers.Concatenate()([x, tensors[int(rng.integers(len(tensors)))]])
        elif kind == "excite":
            gate = layers.Reshape((1, 1, channels(x)))(layers.GlobalAveragePooling2D()(x))
            gate = layers.Conv2D(channels(x), 1, activation="sigmoid")(layers.Conv2D(4, 1, activation="swish")(gate))
            x = layers.Multiply()([x, gate])
        elif kind == "separable":
            x = layers.SeparableConv2D(int(rng.integers(3, 9)), 3, padding="same", depth_multiplier=2)(x)
        elif kind == "prelu":
            x = layers.PReLU(shared_axes=[1, 2] if rng.random() < 0.5 else None)(x)
        elif kind == "pool":
            x = layers.UpSampling2D()(layers.MaxPooling2D()(layers.ZeroPadding2D(1)(x)))
            x = layers.Cropping2D(1)(x)
        elif kind == "up":
            x = layers.Conv2DTranspose(int(rng.integers(3, 9)), 3, padding="same")(x)
        else:
            twice = layers.Conv2D(channels(x), 3, padding="same")
            x = twice(twice(x) * 0.5)
        tensors.append(x)
    flat = layers.Flatten()(layers.AveragePooling2D(4)(tensors[-1]))
    hidden = layers.Dense(7, activation="relu")(layers.Dropout(0.1)(flat))
    outputs = [layers.Dense(5, activation="softmax")(hidden)]
    return shaken(keras.Model(start, [*outputs, tensors[-2]] if seed % 4 == 0 else outputs), seed)
