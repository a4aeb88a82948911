"""Removing channels that carry nothing: constant ones, folded into the biases that follow, and those that nobody reads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.folding.constant_channels import Constants, constants, exact, input_sums
from edgepack.compress.keras.layer_kinds import RECURRENT
from edgepack.compress.keras.wiring import Wiring, results
from edgepack.compress.structured.channel_groups import ChannelMap
from edgepack.compress.structured.channel_map import map_channels
from edgepack.compress.structured.surgery import remove_channels


def remove_dead_channels(model: Any) -> tuple[Any, dict[str, tuple[int, int]]]:
    """A new model that computes the same without its dead channels, and the channels of each layer that has fewer: before, after.

    Goes on until nothing more is found, since a removed channel can make others constant or unread. A constant in front of
    padding stays, as do inputs and outputs of the model, and one channel of every layer.
    """
    before = _widths(map_channels(model))
    while True:
        channels = map_channels(model)
        keep, offsets = _find(model, channels)
        if keep.all():
            after = _widths(channels)
            return model, {name: (count, after[name]) for name, count in before.items() if count != after[name]}
        model = remove_channels(model, channels, keep, offsets)


def _find(model: Any, channels: ChannelMap) -> tuple[NDArray[np.bool_], dict[str, NDArray[np.float64]]]:
    """The groups to keep, and what is added to the biases of the layers that read the others."""
    readers = _readers(model, channels)
    dead = ~channels.pinned
    for name, (_, usable) in readers.items():
        _, used = input_sums(model.get_layer(name))
        needed = used.any(axis=1) & ~usable
        dead[channels.layers[name].inputs[needed]] = False
    for _, groups in channels.families():
        if dead[groups].all():
            dead[groups[0]] = False
    offsets: dict[str, NDArray[np.float64]] = {}
    for name, (values, usable) in readers.items():
        gone = dead[channels.layers[name].inputs]
        sums, _ = input_sums(model.get_layer(name))
        added = np.where(gone & usable, values, 0.0) @ sums
        if added.any():
            offsets[name] = added
    return ~dead, offsets


def _readers(model: Any, channels: ChannelMap) -> dict[str, tuple[Constants, NDArray[np.bool_]]]:
    """For each layer that mixes channels: the constants it reads, and which of them its bias can take over exactly."""
    wiring = Wiring(model)
    known: dict[int, Constants] = {}
    found: dict[str, tuple[Constants, NDArray[np.bool_]]] = {}
    for node in wiring.nodes:
        tensors = results(node)
        for tensor in tensors:
            known[id(tensor)] = np.full(len(channels.tensors[id(tensor)]), np.nan)
        if node.is_input:
            continue
        given = [known[id(tensor)] for tensor in node.keras_inputs]
        if len(tensors) == 1:
            value = constants(node, given)
            known[id(tensors[0])] = np.where(np.isfinite(value), value, np.nan)
        layer = channels.layers.get(node.layer.name)
        if layer is None or not layer.makes:
            continue
        usable = exact(node.layer, given[0])
        if layer.kind in RECURRENT:
            usable &= given[0] == 0
        if layer.name in found:
            values, before = found[layer.name]
            usable &= before & (values == given[0])
        found[layer.name] = (np.nan_to_num(given[0]), usable)
    return found


def _widths(channels: ChannelMap) -> dict[str, int]:
    return {layer.name: len(layer.outputs) for layer in channels.layers.values() if layer.makes}
