"""How much each layer alone can be pruned, or stored in how few bits, before the float model suffers.

One layer's kernels are changed at a time, without training, and the model is measured on validation examples. That is the
one-at-a-time scan of Li et al. 2017 (Pruning Filters for Efficient ConvNets, arXiv:1608.08710, section 3.2): fine-tuning wins
much of the loss back, so it ranks layers rather than predicting accuracy.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.keras.kernels import Kernel, kernels
from edgepack.compress.keras.models import inference, predict, start_afresh, training_versions
from edgepack.compress.quantization.int8 import channels_first
from edgepack.compress.results import Compressed
from edgepack.compress.stored import open_compressed
from edgepack.ground.cache import Cache
from edgepack.ground.errors import DataError
from edgepack.ground.files import canonical_json
from edgepack.ground.progress import Progress, SilentProgress
from edgepack.metrics import Metric
from edgepack.sources import Dataset, Split

BITS = (8, 4, 2)
SPARSITIES = (0.5, 0.7, 0.9)

_VERSION = 1


@dataclass(frozen=True)
class LayerSensitivity:
    """A layer's drops: the metric lost on the validation examples when only its kernels are changed.

    `bits` by bits per weight (symmetric, one scale per output channel), `sparsities` by share of the smallest weights zeroed.
    The metric hardly moves on a few hundred examples, so `noise` has the finer measure for the same changes, in the same order
    (bits, then sparsities): sum (changed output - output)^2 / sum output^2 of the model's first output.
    """

    layer: str
    kind: str
    weights: int
    bits: tuple[tuple[int, float], ...]
    sparsities: tuple[tuple[float, float], ...]
    noise: tuple[float, ...]


@dataclass(frozen=True)
class Sensitivity:
    """All layers with kernels, in the model's order; `metric` is the unchanged model's on the `examples` used."""

    layers: tuple[LayerSensitivity, ...]
    metric_name: str
    metric: float
    examples: int


def sensitivity(
    compressed: Compressed, data: Dataset, metric: Metric, examples: int, cache: Cache, progress: Progress
) -> Sensitivity:
    """Scan the model that `compressed` holds (the float one: compress with no step that quantizes).

    Args:
        examples: How many validation examples, spread evenly; fewer where there are fewer. The test split is never touched,
            because recipes are chosen by what is seen here.

    Raises:
        DataError: EP-312 without validation examples.
    """
    split = _spread(data.validation, examples)
    if not len(split):
        raise DataError(
            "EP-312", "validation has no examples to measure sensitivity on", "give examples, or raise [data] validation"
        )
    inputs = {
        "version": _VERSION,
        "versions": training_versions(),
        "model": compressed.sha256,
        "data": data.sha256,
        "examples": len(split),
        **metric.key(),
    }

    def compute(folder: Path) -> None:
        with progress.stage("Sensitivity", f"each layer alone, {len(split)} validation examples") as task:
            start_afresh(0)
            scan = _Scan(open_compressed(compressed), split, metric)
            rows = []
            for number, (layer, own) in enumerate(scan.layers):
                task.update(number, len(scan.layers), layer)
                rows.append(asdict(scan.layer(layer, own)))
            (folder / "sensitivity.json").write_bytes(canonical_json({"metric": scan.metric, "layers": rows}))

    stored = json.loads((cache.stage("sensitivity", inputs, compute).folder / "sensitivity.json").read_text())
    return Sensitivity(tuple(_layer(row) for row in stored["layers"]), metric.name, float(stored["metric"]), len(split))


class _Scan:
    """The unchanged model's results, and each layer's beside them."""

    def __init__(self, model: Any, split: Split, metric: Metric) -> None:
        self._model, self._split, self._metric, self._infer = model, split, metric, inference(model)
        self._outputs = self._run()
        self.metric = self._value(self._outputs)
        grouped: dict[str, list[Kernel]] = {}
        for kernel in kernels(model):
            grouped.setdefault(kernel.layer, []).append(kernel)
        self.layers = list(grouped.items())

    def layer(self, name: str, own: Sequence[Kernel]) -> LayerSensitivity:
        bits = [self._changed(own, partial(at_bits, bits=count)) for count in BITS]
        sparsities = [self._changed(own, partial(at_sparsity, share=share)) for share in SPARSITIES]
        return LayerSensitivity(
            layer=name,
            kind=own[0].kind,
            weights=sum(kernel.values.size for kernel in own),
            bits=tuple((count, drop) for count, (drop, _) in zip(BITS, bits, strict=True)),
            sparsities=tuple((share, drop) for share, (drop, _) in zip(SPARSITIES, sparsities, strict=True)),
            noise=tuple(noise for _, noise in (*bits, *sparsities)),
        )

    def _changed(self, own: Sequence[Kernel], change: Callable[[Kernel], NDArray[np.float32]]) -> tuple[float, float]:
        """Drop of the metric and noise of the output with the kernels changed; they are put back."""
        before = [kernel.values.copy() for kernel in own]
        for kernel in own:
            kernel.variable.assign(change(kernel))
        outputs = self._run()
        for kernel, values in zip(own, before, strict=True):
            kernel.variable.assign(values)
        signal = float(np.square(self._outputs[0], dtype=np.float64).sum())
        noise = float(np.square(outputs[0] - self._outputs[0], dtype=np.float64).sum())
        noise = noise / signal if signal else 0.0
        return self._metric.drop(self.metric, self._value(outputs)), noise if math.isfinite(noise) else 1e9

    def _run(self) -> tuple[NDArray[Any], ...]:
        with SilentProgress().stage("", "") as task:
            return predict(self._model, self._split, task, run=self._infer)

    def _value(self, outputs: tuple[NDArray[Any], ...]) -> float:
        return self._metric.compute(outputs, self._split.labels, self._split.inputs)


def at_bits(kernel: Kernel, bits: int) -> NDArray[np.float32]:
    """A kernel rounded to 2^bits - 1 values around zero, one scale per output channel: -1, 0, 1 times it for 2 bits."""
    rows = channels_first(kernel.kind, kernel.name, kernel.values)
    largest = np.abs(rows).max(axis=1)
    step = largest / (2 ** (bits - 1) - 1)
    scale = _as_kernel(kernel, np.where(step == 0, 1, step))
    rounded: NDArray[np.float32] = (np.rint(kernel.values / scale) * scale).astype(np.float32)
    return rounded


def at_sparsity(kernel: Kernel, share: float) -> NDArray[np.float32]:
    """A kernel with its `share` of smallest weights set to zero."""
    values: NDArray[np.float32] = kernel.values.copy()
    count = round(values.size * share)
    smallest = np.argsort(np.abs(values), axis=None, kind="stable")[:count]
    values.reshape(-1)[smallest] = 0
    return values


def _as_kernel(kernel: Kernel, by_channel: NDArray[Any]) -> NDArray[Any]:
    """One number an output channel, in a shape that multiplies the kernel in Keras' layout."""
    shape = kernel.values.shape
    if kernel.name == "depthwise_kernel":
        return by_channel.reshape(shape[-2:])
    if kernel.kind.endswith("Transpose"):
        return by_channel.reshape(-1, 1)
    if kernel.name == "embeddings":
        return by_channel.reshape(-1, *[1] * (len(shape) - 1))
    return by_channel


def _spread(split: Split, count: int) -> Split:
    """About `count` examples, evenly spread: data sorted by class must not leave a class out."""
    every = max(1, -(-len(split) // count)) if len(split) else 1
    return Split(tuple(array[::every] for array in split.inputs), None if split.labels is None else split.labels[::every])


def _layer(row: dict[str, Any]) -> LayerSensitivity:
    return LayerSensitivity(
        row["layer"],
        row["kind"],
        row["weights"],
        tuple((int(bits), float(drop)) for bits, drop in row["bits"]),
        tuple((float(share), float(drop)) for share, drop in row["sparsities"]),
        tuple(row["noise"]),
    )
