"""Removing channels from a Keras model: every layer is made anew, narrower, with the weights that are left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.keras.graph import rebuild
from edgepack.compress.keras.kernels import weight_name
from edgepack.compress.keras.layer_kinds import CONVOLUTIONS, DEPTHWISE, RECURRENT, SEPARABLE
from edgepack.compress.structured.channel_groups import ChannelMap, LayerChannels

Axes = tuple[NDArray[np.int64] | None, ...]
Keep = NDArray[np.bool_]


def remove_channels(
    model: Any, channels: ChannelMap, keep: Keep, offsets: Mapping[str, NDArray[np.float64]] | None = None
) -> Any:
    """A new model without the channels of the groups that `keep` (one flag a group) leaves out.

    What is left computes the same as `model` does when every layer ignores the removed channels at its input. `offsets` are
    added to the biases of layers, one for each of their channels in `model`; a layer without a bias is given one.
    """
    added = offsets or {}
    weights = {layer.name: _cut(layer, channels, keep, added.get(layer.name)) for layer in model.layers if layer.weights}

    def narrow(layer: Any) -> Any:
        config = layer.get_config()
        if layer.name in added:
            config["use_bias"] = True
        if layer.name in channels.layers:
            _resize(config, channels.layers[layer.name], channels.shapes.get(layer.name), keep)
        return layer.__class__.from_config(config)

    return rebuild(model, narrow, weights)


def kept_axes(name: str, shape: tuple[int, ...], channels: LayerChannels, keep: Keep, multiplier: int = 1) -> Axes:
    """For each axis of the weight `name` of a layer, the places that are kept; None: all of them.

    `multiplier`: the depth multiplier of a separable convolution.
    """
    given, made = _places(channels.inputs, keep), _places(channels.outputs, keep)
    rest: Axes = (None,) * (len(shape) - 2)
    kind = channels.kind
    if name == "depthwise_kernel":
        return (*rest, given, None)
    if name == "pointwise_kernel":
        return (*rest, _places(np.repeat(channels.inputs, multiplier), keep), made)
    if name == "kernel" and kind in RECURRENT:
        return (given, None)
    if name == "kernel" and kind.endswith("Transpose"):
        return (*rest, made, given)
    if name == "kernel":
        return (*rest, given, made)
    if name == "bias" and kind in CONVOLUTIONS | DEPTHWISE | SEPARABLE | {"Dense"}:
        return (made,)
    if kind == "BatchNormalization" or (name == "alpha" and shape[-1] == len(channels.inputs)):
        return (*(None,) * (len(shape) - 1), given)
    return (None,) * len(shape)


def _cut(layer: Any, channels: ChannelMap, keep: Keep, offset: NDArray[np.float64] | None) -> list[NDArray[Any]]:
    values: list[NDArray[Any]] = layer.get_weights()
    known = channels.layers.get(layer.name)
    if known is None:
        return values
    names = [weight_name(variable) for variable in layer.weights]
    if offset is not None:
        if "bias" not in names:
            names, values = [*names, "bias"], [*values, np.zeros(len(offset), dtype=values[0].dtype)]
        values = [
            value + offset.astype(value.dtype) if name == "bias" else value for name, value in zip(names, values, strict=True)
        ]
    found = []
    for name, array in zip(names, values, strict=True):
        axes = kept_axes(name, array.shape, known, keep, getattr(layer, "depth_multiplier", 1))
        for axis, places in enumerate(axes):
            if places is not None:
                array = np.take(array, places, axis=axis)
        found.append(array)
    return found


def _resize(config: dict[str, Any], channels: LayerChannels, shape: tuple[int, ...] | None, keep: Keep) -> None:
    """Write the new number of channels into a layer's configuration."""
    count = int(keep[channels.outputs].sum())
    if channels.makes:
        config["units" if "units" in config else "filters"] = count
    if "target_shape" in config and shape is not None:
        config["target_shape"] = (*shape[:-1], count)


def _places(groups: NDArray[np.int64], keep: Keep) -> NDArray[np.int64]:
    return np.flatnonzero(keep[groups]).astype(np.int64)
