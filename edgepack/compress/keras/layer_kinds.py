"""Kinds of Keras layers by what they do to channels, as sets of class names."""

from __future__ import annotations

from typing import Any

CONVOLUTIONS = frozenset({"Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"})
DEPTHWISE = frozenset({"DepthwiseConv1D", "DepthwiseConv2D"})
SEPARABLE = frozenset({"SeparableConv1D", "SeparableConv2D"})
RECURRENT = frozenset({"LSTM", "GRU", "SimpleRNN"})
MERGING = frozenset({"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"})

# One value to one value, the same for every channel and position.
ELEMENTWISE = frozenset({"Activation", "ReLU", "LeakyReLU", "ELU", "ThresholdedReLU"})
# Only at work while training.
PASSING = frozenset(
    ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout", "GaussianNoise")
) | {"ActivityRegularization", "Masking"}
POOLING = frozenset(f"{which}Pooling{size}D" for which in ("Max", "Average", "GlobalMax", "GlobalAverage") for size in (1, 2, 3))
SPATIAL = frozenset(f"{what}{size}D" for what in ("ZeroPadding", "Cropping", "UpSampling") for size in (1, 2, 3)) | {
    "RepeatVector",
    "Resizing",
    "CenterCrop",
}


def mixes_channels(layer: Any) -> bool:
    """Whether a layer's activation looks at all channels at once, or is not known to look at one only."""
    activation = getattr(layer, "activation", None)
    if activation is None:
        return False
    name = getattr(activation, "__name__", type(activation).__name__)
    module = getattr(activation, "__module__", "")
    return name in ("softmax", "log_softmax") or not module.startswith(("tf_keras", "keras", "tensorflow"))
