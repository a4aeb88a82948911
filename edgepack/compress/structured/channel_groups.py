"""Groups of channels that can only be removed together: what is noted of them while the layers of a model are followed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Groups = NDArray[np.int64]


@dataclass(frozen=True)
class LayerChannels:
    """A layer that channels cannot be removed around, but only in: the group of each channel it reads and of each that it makes.

    `makes` is true where the layer decides what its output channels are (convolutions, dense layers), false where a channel only
    passes through (depthwise convolutions, BatchNorm, PReLU, Flatten, Reshape).
    """

    name: str
    kind: str
    inputs: Groups
    outputs: Groups
    makes: bool


@dataclass(frozen=True)
class ChannelMap:
    """The groups of a model's channels, numbered from 0 to `count`.

    `layers`: those with weights, in the order of computation. `pinned`: groups that must stay. `reasons`: for each layer
    with a pinned channel that is neither input nor output of the model, why. `shapes`: the output shape of each Flatten and
    Reshape. `tensors`: the groups of every tensor's last axis, by the tensor's identity.
    """

    layers: dict[str, LayerChannels]
    count: int
    pinned: NDArray[np.bool_]
    reasons: dict[str, str]
    shapes: dict[str, tuple[int, ...]]
    tensors: dict[int, Groups] = field(repr=False)

    def families(self) -> list[tuple[tuple[str, ...], Groups]]:
        """The removable groups, gathered by the layers that make their channels: (layer names, groups), in the model's order."""
        makers: dict[int, list[str]] = {}
        for layer in self.layers.values():
            if layer.makes:
                for group in dict.fromkeys(layer.outputs.tolist()):
                    makers.setdefault(group, []).append(layer.name)
        found: dict[tuple[str, ...], list[int]] = {}
        for group, names in makers.items():
            if not self.pinned[group]:
                found.setdefault(tuple(names), []).append(group)
        return [(names, np.array(groups, dtype=np.int64)) for names, groups in found.items()]


class Walk:
    """What is known while the layers of a model are followed in order: a union-find over channels."""

    def __init__(self) -> None:
        self.tensors: dict[int, Groups] = {}
        self.layers: dict[str, LayerChannels] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._parents: list[int] = []
        self._pins: list[tuple[Groups, str, str]] = []

    def fresh(self, count: int) -> Groups:
        """New groups, one per channel."""
        start = len(self._parents)
        self._parents.extend(range(start, start + count))
        return np.arange(start, start + count, dtype=np.int64)

    def unite(self, first: Groups, second: Groups) -> None:
        """Each channel of `first` with that of `second` at the same place."""
        for a, b in zip(first.tolist(), second.tolist(), strict=True):
            low, high = sorted((self._root(a), self._root(b)))
            self._parents[high] = low

    def pin(self, channels: Iterable[Groups], layer: str, reason: str) -> None:
        """Keep these channels whole, because of `layer`."""
        self._pins.extend((groups, layer, reason) for groups in channels)

    def weigh(self, layer: Any, inputs: Groups, outputs: Groups, makes: bool) -> Groups:
        """Note a layer with weights; a second call of the same layer has the same channels as the first. Returns the outputs."""
        known = self.layers.get(layer.name)
        if known is None:
            self.layers[layer.name] = LayerChannels(layer.name, type(layer).__name__, inputs, outputs, makes)
            return outputs
        self.unite(known.inputs, inputs)
        self.unite(known.outputs, outputs)
        return known.outputs

    def finish(self) -> ChannelMap:
        """The groups with their final numbers."""
        roots = np.array([self._root(group) for group in range(len(self._parents))], dtype=np.int64)
        numbers = np.unique(roots, return_inverse=True)[1].astype(np.int64)
        count = int(numbers.max()) + 1 if len(numbers) else 0
        pinned = np.zeros(count, dtype=np.bool_)
        why: dict[int, str] = {}
        for groups, layer, reason in self._pins:
            pinned[numbers[groups]] = True
            for group in numbers[groups].tolist():
                if not layer or group not in why:
                    why[group] = f"{layer} {reason}" if layer else ""
        layers = {
            name: LayerChannels(name, layer.kind, numbers[layer.inputs], numbers[layer.outputs], layer.makes)
            for name, layer in self.layers.items()
        }
        reasons = {}
        for name, known in layers.items():
            found = {why[group] for group in known.outputs.tolist() if group in why}
            if known.makes and found and "" not in found:
                reasons[name] = min(found)
        tensors = {key: numbers[groups] for key, groups in self.tensors.items()}
        return ChannelMap(layers, count, pinned, reasons, self.shapes, tensors)

    def _root(self, group: int) -> int:
        parents = self._parents
        while parents[group] != group:
            parents[group] = parents[parents[group]]
            group = parents[group]
        return group


def width(tensor: Any) -> int:
    """The size of a Keras tensor's last axis; 1 where it has none."""
    shape = tuple(tensor.shape)[1:]
    return int(shape[-1] or 1) if shape else 1
