"""What each choice is expected to cost in quality, before any training: a ranking, brought to the metric's scale.

The second order of the loss (compress/fisher.py) says what a change of one layer does, relative to others. How much the metric
falls is measured: the untrained int8 file with all layers treated alike runs on validation examples, once for each choice. A
metric can fall no further than chance, so a drop d counts as -log(1 - d / most), which adds up over layers; every kind of
choice has a factor that fits its second-order losses to these. Training wins most of a loss back, and not the same share of each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgepack.compress.fisher import Fisher, OpenLayer
from edgepack.ground.files import hash_of
from edgepack.ground.progress import SilentProgress
from edgepack.pipeline.evaluation import evaluate
from edgepack.search.change import changed_rows
from edgepack.search.choices import Choices, Level, Stored
from edgepack.search.weigh import Workshop
from edgepack.sources import Split

if TYPE_CHECKING:
    from edgepack.ground.cache import Cache
    from edgepack.metrics import Metric
    from edgepack.sources import Dataset

EXAMPLES = 400
_SATURATED = 0.9  # of the largest drop seen: beyond, a drop says little
_VERSION = 1

Raw = Mapping[tuple[str, Level, Stored], float]
"""Second-order losses by layer, level and weights."""


@dataclass(frozen=True)
class Trial:
    """All layers treated alike: the second-order loss, and the drop of the metric that was measured."""

    kind: str
    second_order: float
    drop: float


@dataclass(frozen=True)
class Losses:
    """Losses that add up over layers and families, as `added` scales them; `drop` turns a sum into a drop of the metric."""

    raw: Raw
    families: Mapping[int, Mapping[float, float]]
    factors: Mapping[str, float]
    most: float
    trials: tuple[Trial, ...]

    def of(self, layer: str, level: Level, stored: Stored) -> float:
        """Of a layer's weights: that of its zeros, and what the sharing or the few bits add."""
        zeros = self.raw[layer, Level(), Stored(stored.sparsity)]
        whole = self.raw[layer, level, stored] if stored.special else zeros
        return self.factors["sparsity"] * zeros + self.factors[kind_of_level(level)] * max(0.0, whole - zeros)

    def of_family(self, family: int, share: float) -> float:
        """Of the channels that a family loses."""
        return self.factors["removed"] * self.families[family][share]

    def drop(self, total: float) -> float:
        """The expected drop of the metric."""
        return self.most * -math.expm1(-total)


def kind_of_level(level: Level) -> str:
    """The name of the factor that a level's losses have."""
    return "sparsity" if level.plain else "clusters" if level.clusters else level.weights


def losses_of(fisher: Fisher, shop: Workshop, metric: Metric) -> Losses:
    """Second-order losses of every choice, and what they are worth on validation examples."""
    choices, cache = shop.choices, shop.cache
    raw = _second_order(fisher, choices)
    families = {
        number: {share: family.loss(share) for share in choices.removed(number)}
        for number, family in enumerate(choices.families)
        if family is not None
    }
    data = validation(shop.data)
    with shop.progress.stage("Measuring choices", f"untrained, {len(data.test)} validation examples") as task:
        plain = _value(shop.alike(Stored(), Level()), data, metric, cache)
        planned = _planned(choices)
        trials = []
        for number, (kind, stored, level, removed) in enumerate(planned):
            task.update(number, len(planned), kind)
            value = _value(shop.alike(stored, level, removed, balanced=False), data, metric, cache)
            total = math.fsum(_alike(raw, shop, layer, stored, level) for layer in choices.layers)
            total += math.fsum(shares[removed] for shares in families.values()) if removed else 0.0
            trials.append(Trial(kind, total, metric.drop(plain, value)))
        task.finish(f"{metric.name} {plain:.4f} unchanged")
    return fitted(raw, families, trials, 0.5 / max(len(data.test), 1))


def fitted(
    raw: Raw,
    families: Mapping[int, Mapping[float, float]],
    trials: Sequence[Trial],
    least: float,
) -> Losses:
    """The losses with a factor for each kind of choice. `least` is the smallest drop that could have been seen."""
    most = 1.02 * max([least, *(trial.drop for trial in trials if math.isfinite(trial.drop))])
    every = [_log_factor(trial, most, least) for trial in trials if trial.second_order > 0]
    overall = math.exp(float(np.median(every))) if every else 1.0
    factors = dict.fromkeys(("sparsity", "removed", "clusters", *(level.weights for _, level, _ in raw)), overall)
    for kind in dict.fromkeys(trial.kind for trial in trials):
        own = sorted((trial for trial in trials if trial.kind == kind and trial.second_order > 0), key=lambda each: each.drop)
        usable = [trial for trial in own if trial.drop < _SATURATED * most] or own[:1]
        if usable:
            factors[kind] = math.exp(float(np.mean([_log_factor(trial, most, least) for trial in usable])))
    return Losses(raw, families, factors, most, tuple(trials))


def validation(data: Dataset) -> Dataset:
    """The data with some validation examples in the place of the test split; training examples where there are none."""
    source = data.validation if len(data.validation) else data.train
    every = max(1, len(source) // EXAMPLES)
    test = Split(
        tuple(array[::every][:EXAMPLES] for array in source.inputs),
        None if source.labels is None else source.labels[::every][:EXAMPLES],
    )
    return replace(data, test=test, sha256=hash_of({"validation": data.sha256, "examples": EXAMPLES, "version": _VERSION}))


def _value(file: Path, data: Dataset, metric: Metric, cache: Cache) -> float:
    return evaluate(file, data, metric, cache, SilentProgress()).metric


def _second_order(fisher: Fisher, choices: Choices) -> dict[tuple[str, Level, Stored], float]:
    """1/2 sum F d^2 of each layer and choice; without zeros or sharing once for all levels."""
    found: dict[tuple[str, Level, Stored], float] = {}
    for level in choices.levels():
        for layer in choices.layers:
            for stored in choices.stored(layer, level):
                if stored.special or level.plain:
                    found[layer.layer, level, stored] = math.fsum(
                        0.5 * float(np.sum(kernel.fisher * np.square(changed_rows(kernel.values, stored, level) - kernel.values)))
                        for kernel in fisher.kernels
                        if kernel.layer == layer.layer and not (kernel.name == "depthwise_kernel" and not stored.special)
                    )
    return found


def _alike(raw: Raw, shop: Workshop, layer: OpenLayer, stored: Stored, level: Level) -> float:
    taken = shop.nearest(layer.layer, stored, level)
    return raw[layer.layer, level if taken.special else Level(), taken]


def _planned(choices: Choices) -> list[tuple[str, Stored, Level, float]]:
    """What is measured: each sparsity, each sharing, each format, each share of channels, of all layers that may have it."""
    plain = Level()
    found = [("sparsity", Stored(share), plain, 0.0) for share in sorted(set(choices.space.sparsities) - {0.0})]
    if not any(layer.prunable for layer in choices.layers):
        found = []
    found += [(kind_of_level(level), Stored(0.0, True), level, 0.0) for level in choices.levels() if not level.plain]
    if any(family is not None for family in choices.families):
        found += [("removed", Stored(), plain, share) for share in sorted(set(choices.space.removed) - {0.0})]
    return found


def _log_factor(trial: Trial, most: float, least: float) -> float:
    drop = min(max(trial.drop if math.isfinite(trial.drop) else most, least), 0.995 * most)
    return math.log(-math.log1p(-drop / most) / trial.second_order)
