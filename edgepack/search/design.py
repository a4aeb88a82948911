"""A design: what is done to each layer of a model, and the recipe that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RecipeTables = list[dict[str, Any]]


@dataclass(frozen=True)
class Treatment:
    """What happens to one layer's kernel.

    `removed` is the share of output channels taken away (`structured`), `sparsity` the share of the weights that remain which
    become zero (`prune`); `clustered` says whether it shares weights, `few_bits` whether its weights take the design's bits.
    """

    removed: float = 0.0
    sparsity: float = 0.0
    clustered: bool = False
    few_bits: bool = False


@dataclass(frozen=True)
class Design:
    """A treatment for each layer by its Keras name, and what a recipe can only say once for all of them.

    `clusters` is the number of values a clustered layer keeps, 0 when none is; `weights` is the format of layers with few bits
    (`int8` when there are none), as of the step `quantize`. Layers that are not named stay as they are.
    """

    treatments: Mapping[str, Treatment] = field(default_factory=dict)
    clusters: int = 0
    weights: str = "int8"


@dataclass(frozen=True)
class Effort:
    """How long a design's recipe trains: `epochs` in all, divided among its steps; `learning_rate` is that of the first of them.

    `options` are further training options of every step: `augment`, `teacher`, `batch_size`.
    """

    epochs: int
    learning_rate: float = 0.001
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


_SHARES = {"structured": 3, "prune": 3, "cluster": 1, "quantize": 2}
"""Of the epochs; a step that is left out leaves its share to the others."""


def recipe_of(design: Design, effort: Effort) -> RecipeTables:
    """The `[[recipe]]` tables of a design, in the order in which steps have to stand; each trains for one epoch at least."""
    steps = _steps(design)
    total = sum(_SHARES[str(step["step"])] for step in steps)
    return [step | _training(str(step["step"]), design, effort, total) for step in steps]


def _steps(design: Design) -> RecipeTables:
    named = sorted(design.treatments.items())
    removed = {name: each.removed for name, each in named if each.removed}
    zeros = {name: each.sparsity for name, each in named if each.sparsity}
    shared = [name for name, each in named if each.clustered and design.clusters]
    steps: RecipeTables = []
    if removed:
        share = max(removed.values())  # every layer it is for is named in per_layer
        steps.append(
            {"step": "structured", "ratio": share, "importance": "taylor", "layers": list(removed), "per_layer": removed}
        )
    if zeros:
        steps.append({"step": "prune", "sparsity": max(zeros.values()), "layers": list(zeros), "per_layer": zeros})
    if shared:
        steps.append({"step": "cluster", "clusters": design.clusters, "scope": "tensor", "layers": shared})
    quantize: dict[str, Any] = {"step": "quantize"}
    if shared:
        quantize["scales"] = "layer"  # with a scale for each channel, equal weights would become different codes
    if design.weights != "int8":
        few = {name for name, each in named if each.few_bits}
        keeping = [name for name, _ in named if name not in few]
        quantize |= {"weights": design.weights, "keep_int8": keeping, "reestimate_batch_norm": True}
    return [*steps, quantize]


def _training(step: str, design: Design, effort: Effort, total: int) -> dict[str, Any]:
    epochs = max(1, round(effort.epochs * _SHARES[step] / total))
    rate = effort.learning_rate * (0.3 if step in ("cluster", "quantize") and design.weights == "int8" else 1.0)
    return {"epochs": epochs, "patience": 0, "learning_rate": rate, "seed": effort.seed, **effort.options}
