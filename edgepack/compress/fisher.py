"""How much the loss depends on each weight and each family of channels, and what may be done to which layer; nothing is trained.

The second order of the loss around a trained model, with the diagonal of the empirical Fisher information in the place of the
Hessian: changing weights by d raises the loss by about 1/2 sum F d^2, F the mean over examples of the squared gradient (LeCun et
al. 1990, Optimal Brain Damage; Singh and Alistarh 2020, WoodFisher, arXiv:2004.14340, section 3). Training wins most of it back,
so this ranks changes rather than predicting losses.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.keras.kernels import kernels
from edgepack.compress.keras.models import batches, model_inputs, start_afresh, training_versions
from edgepack.compress.quantization.int8 import channels_first
from edgepack.compress.results import Compressed
from edgepack.compress.steps.prune import Prune
from edgepack.compress.steps.quantize import Quantize
from edgepack.compress.stored import known_objects, open_compressed
from edgepack.compress.structured.channel_groups import ChannelMap
from edgepack.compress.structured.channel_map import map_channels
from edgepack.compress.structured.importance import TAYLOR_BATCH, importance
from edgepack.compress.training.loss import Loss, choose_loss
from edgepack.ground.cache import Cache
from edgepack.ground.errors import RecipeError
from edgepack.ground.files import canonical_json
from edgepack.ground.plain import plain, typed
from edgepack.ground.progress import Progress, Task
from edgepack.sources import Dataset, Split

_VERSION = 1

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class OpenLayer:
    """A layer with kernels, and which techniques take it with their own defaults: pruning, weights of few bits.

    `family` is the number of the family that its output channels belong to, `reads` that of most of its input channels, -1 where
    there is none that may lose any; `reads_share` is the share of the input channels that are of that family.
    """

    layer: str
    weights: int
    prunable: bool
    few_bits: bool
    family: int
    reads: int
    reads_share: float


@dataclass(frozen=True)
class ChannelFamily:
    """Channels that can only be removed together: the layers that make them, and the loss at removing each, ascending."""

    layers: tuple[str, ...]
    losses: tuple[float, ...]

    def loss(self, share: float) -> float:
        """At removing this share of the channels, those that matter least."""
        return sum(self.losses[: len(self.losses) - round(len(self.losses) * (1 - share))])


@dataclass(frozen=True, eq=False)
class KernelRows:
    """A kernel as (output channels, weights of a channel), and the Fisher information of each weight."""

    layer: str
    name: str
    values: Rows
    fisher: Rows


@dataclass(frozen=True)
class Fisher:
    """What one pass over `examples` training examples tells."""

    layers: tuple[OpenLayer, ...]
    families: tuple[ChannelFamily, ...]
    kernels: tuple[KernelRows, ...]
    examples: int


def fisher(compressed: Compressed, data: Dataset, examples: int, cache: Cache, progress: Progress) -> Fisher:
    """Look at the float model that `compressed` holds, with training examples spread evenly.

    Raises:
        RecipeError: EP-415 when labels and output do not fit each other.
    """
    split = _spread(data.train, examples)
    inputs = {
        "version": _VERSION,
        "versions": training_versions(),
        "model": compressed.sha256,
        "data": data.sha256,
        "examples": len(split),
    }

    def compute(folder: Path) -> None:
        with progress.stage("Weighing the weights", f"gradients of {len(split)} training examples") as task:
            start_afresh(0)
            model = open_compressed(compressed)
            loss = choose_loss(model, data, "auto")
            with known_objects(compressed.source):
                few_bits = _few_bits(model)
            found = kernels(model)
            squares = _squares(model, split, loss, [kernel.variable for kernel in found], task)
            arrays: dict[str, Any] = {}
            names = []
            for place, (kernel, square) in enumerate(zip(found, squares, strict=True)):
                arrays[f"values_{place}"] = channels_first(kernel.kind, kernel.name, kernel.values)
                arrays[f"fisher_{place}"] = channels_first(kernel.kind, kernel.name, square)
                names.append([kernel.layer, kernel.name])
            channels = map_channels(model)
            families = _families(model, channels, split, loss, task)
            weights: dict[str, int] = {}
            for kernel in found:
                weights[kernel.layer] = weights.get(kernel.layer, 0) + kernel.values.size
            layers = [
                _open_layer(name, count, channels, families, Prune().takes(model), few_bits) for name, count in weights.items()
            ]
            np.savez(folder / "kernels.npz", **arrays)
            facts = {"kernels": names, "layers": plain(layers), "families": plain(families)}
            (folder / "fisher.json").write_bytes(canonical_json(facts))

    folder = cache.stage("fisher", inputs, compute).folder
    stored = json.loads((folder / "fisher.json").read_text())
    with np.load(folder / "kernels.npz", allow_pickle=False) as arrays:
        rows = tuple(
            KernelRows(layer, name, arrays[f"values_{place}"], arrays[f"fisher_{place}"])
            for place, (layer, name) in enumerate(stored["kernels"])
        )
    return Fisher(
        tuple(typed(OpenLayer, row) for row in stored["layers"]),
        tuple(typed(ChannelFamily, row) for row in stored["families"]),
        rows,
        len(split),
    )


def _few_bits(model: Any) -> frozenset[str]:
    """The layers that get weights of few bits; none where training cannot simulate quantization at all."""
    try:
        return Quantize(weights="int4").takes(model)
    except RecipeError:
        return frozenset()


def _squares(model: Any, split: Split, loss: Loss, variables: list[Any], task: Task) -> list[Rows]:
    """The mean over examples of the squared gradient of each weight, in the variables' shapes."""
    import tensorflow as tf

    objective = loss.build()
    totals = [tf.Variable(tf.zeros(variable.shape), trainable=False) for variable in variables]

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def add(inputs: Any, target: Any) -> None:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            outputs = model(inputs, training=False)
            value = objective(target, outputs[0] if isinstance(outputs, list | tuple) else outputs)
        for total, gradient in zip(totals, tape.gradient(value, variables, unconnected_gradients="zero"), strict=True):
            total.assign_add(tf.square(tf.convert_to_tensor(gradient)))

    target = loss.target(split)
    for one in batches(len(split), 1):
        add(model_inputs(model, split, one), tf.constant(np.asarray(target[one])))
        task.update(one.stop, len(split), "gradients")
    return [np.asarray(total) / np.float32(max(len(split), 1)) for total in totals]


def _families(model: Any, channels: ChannelMap, split: Split, loss: Loss, task: Task) -> list[ChannelFamily]:
    """The families of channels with the loss at removing each one.

    The Taylor score is of gradients averaged over a batch, whose square is that of a single example divided by the batch's size.
    """
    found = channels.families()
    if not found:
        return []
    scores = importance(model, channels, "taylor", split, loss, task)[0]
    scores *= 0.5 * TAYLOR_BATCH / math.ceil(len(split) / TAYLOR_BATCH)
    return [ChannelFamily(names, tuple(sorted(float(score) for score in scores[groups]))) for names, groups in found]


def _open_layer(
    name: str,
    weights: int,
    channels: ChannelMap,
    families: list[ChannelFamily],
    prunable: frozenset[str],
    few_bits: frozenset[str],
) -> OpenLayer:
    """A layer's facts; of a layer that only passes channels on, a depthwise convolution, both families are those it reads."""
    known = channels.layers.get(name)
    if known is None:
        return OpenLayer(name, weights, name in prunable, name in few_bits, -1, -1, 0.0)
    numbers = np.full(channels.count, -1)
    for place, (_, groups) in enumerate(channels.families()):
        numbers[groups] = place
    own = next((place for place, family in enumerate(families) if name in family.layers), -1)
    reads, share = _most(numbers[known.inputs])
    if not known.makes:
        own = reads
    return OpenLayer(name, weights, name in prunable, name in few_bits, own, reads, share)


def _most(numbers: NDArray[np.int64]) -> tuple[int, float]:
    """The most frequent number that is no -1, and its share."""
    counts: Mapping[int, int] = {number: int((numbers == number).sum()) for number in set(numbers.tolist()) - {-1}}
    if not counts:
        return -1, 0.0
    best = max(sorted(counts), key=lambda number: counts[number])
    return best, counts[best] / len(numbers)


def _spread(split: Split, count: int) -> Split:
    every = max(1, len(split) // count)
    return Split(
        tuple(array[::every][:count] for array in split.inputs), None if split.labels is None else split.labels[::every][:count]
    )
