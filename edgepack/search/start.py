"""What a search begins with: what may be changed, and the first choices."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from edgepack.compress import Step
from edgepack.compress.results import LayerWeights
from edgepack.ground.errors import RecipeError
from edgepack.ground.progress import Progress
from edgepack.pipeline.given import written_tables
from edgepack.project import SearchSettings
from edgepack.report.search import SearchPoint
from edgepack.search.choice import Choice, is_valid, steps_of
from edgepack.search.design import Design, RecipeTables, Treatment
from edgepack.search.moves import FORMATS, Moves
from edgepack.search.trial import Bench, try_on

_KERNELS = ("Conv1D", "Conv2D", "Dense", "SeparableConv2D")
_SPARSITIES = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
_REMOVED = (0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75)
_CLUSTERS = (0, 64, 32, 16, 8, 4)
_OWN_OPTIONS = ("batch_size", "augment", "loss", "optimizer", "precision")
_EPOCHS = 12
_RATES = (0.3, 1.0, 3.0)


@dataclass(frozen=True)
class Start:
    """What may be changed, the choices to begin with, the most epochs that one trains, and what was predicted and not begun with.

    `seconds` is what it took to find that out, most of it the training of the float model.
    """

    moves: Moves
    choices: tuple[Choice, ...]
    epochs: int
    predicted: tuple[SearchPoint, ...]
    seconds: float


def begin(bench: Bench, before: RecipeTables, progress: Progress) -> Start:
    """Train the float model, and choose what to begin with.

    Raises:
        RecipeError: EP-431 when no layer is left to change.
        ProjectError: EP-403 for a value under `[search.options]` that the steps do not take.
    """
    begun = time.monotonic()
    settings = bench.plan.project.search
    tuning = [step for step in bench.plan.recipe if step.place != "first"]
    rate, own = _own_options(tuning)
    plain = [*before, {"step": "quantize", "aware": False}]
    layers = _treatable(try_on(bench, bench.data, plain, progress).compressed.steps[0].layers, settings)
    if not layers:
        raise RecipeError("EP-431", "no layer is left to change", "check layers and exclude under [search]")
    moves = _moves(layers, settings, rate, bool(before) or bench.source.trained)
    for name, values in moves.options.items():
        for value in values:  # a wrong one is told now, not by the trial that draws it
            options = {} if name == "learning_rate" else {name: value}
            steps_of(Choice(Design(), float(value) if name == "learning_rate" else rate, {**own, **options}).tables(1, before))
    choices = [Choice(design, rate, own) for design in _designs(moves)]
    epochs = settings.epochs or sum(int(step.options.get("epochs", 0)) for step in tuning if step.trains) or _EPOCHS
    valid = tuple(choice for choice in choices if is_valid(choice, before))
    return Start(moves, valid, epochs, (), time.monotonic() - begun)


def _own_options(steps: Sequence[Step]) -> tuple[float, dict[str, Any]]:
    """The learning rate and the training options that the project's own recipe has, of its first step that sets them."""
    written = written_tables(steps)
    rate = next((float(table["learning_rate"]) for table in written if "learning_rate" in table), 0.001)
    return rate, {name: table[name] for table in reversed(written) for name in _OWN_OPTIONS if name in table}


def _treatable(layers: Sequence[LayerWeights], settings: SearchSettings) -> list[LayerWeights]:
    def named(name: str, patterns: Sequence[str]) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    return [
        layer
        for layer in layers
        if layer.kind in _KERNELS and named(layer.layer, settings.layers) and not named(layer.layer, settings.exclude)
    ]


def _moves(layers: Sequence[LayerWeights], settings: SearchSettings, rate: float, taught: bool) -> Moves:
    changes = {layer.layer: {"sparsity", "clustered", "few_bits"} for layer in layers}
    options = {"learning_rate": tuple(factor * rate for factor in _RATES), **({"teacher": ("", "float")} if taught else {})}
    formats = settings.weights or ("int8", "int4", "ternary")
    return Moves(
        layers={name: frozenset(fields) for name, fields in changes.items()},
        sparsities=settings.sparsities or _SPARSITIES,
        removed=settings.removed or _REMOVED,
        clusters=tuple(sorted(settings.clusters or _CLUSTERS, key=lambda number: -number if number else -1000)),
        weights=tuple(name for name in FORMATS if name in formats),
        options={**options, **settings.options},
    )


def _designs(moves: Moves) -> list[Design]:
    """The plain model, and each of a few sparsities for all layers alike."""
    return [Design({name: Treatment(sparsity=each) for name in moves.layers}) for each in moves.sparsities]
