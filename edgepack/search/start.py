"""What a search begins with: what may be changed, and the designs of the first front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgepack.compress import Quantize, Recipe, Step, compress
from edgepack.ground.errors import RecipeError
from edgepack.ground.progress import Progress, SilentProgress
from edgepack.pipeline.given import written_tables
from edgepack.project import SearchSettings, Target
from edgepack.report.search import SearchPoint
from edgepack.search.choice import Choice, is_valid, steps_of, words
from edgepack.search.choices import Choices, Space
from edgepack.search.design import Design, RecipeTables, Treatment
from edgepack.search.figures import Figures
from edgepack.search.front import Candidate, first_front, limits_of, meets
from edgepack.search.moves import FORMATS, Moves
from edgepack.search.trial import Bench

_OWN_OPTIONS = ("batch_size", "augment", "loss", "optimizer", "precision")
_EPOCHS = 36
"""Of a project whose recipe trains nothing after the float model."""
_LONGER = 3
"""How many times the epochs of the project's recipe the best designs get: most have more steps, and take more away."""
_RATES = (0.3, 1.0, 3.0)
"""Learning rates to try, times the recipe's own."""


@dataclass(frozen=True)
class Start:
    """What may be changed, the choices to begin with, the most epochs that one trains, and what was predicted of them.

    `epoch_seconds` is what one of the float model's took, None where it came trained; `mildest` is the design within the budgets
    that promises the least loss; `says` is what the prediction says of budgets that no design meets, else "".
    """

    moves: Moves
    choices: tuple[Choice, ...]
    epochs: int
    predicted: tuple[tuple[Design, SearchPoint], ...]
    says: str
    epoch_seconds: float | None
    mildest: Choice | None

    def first(self) -> tuple[Choice, ...]:
        """The mildest design that is within the budgets, trained in every way that differs from the recipe's own in one option.

        What a few epochs win back depends on the learning rate and the teacher as much as on the design.
        """
        mildest = self.mildest
        if mildest is None:
            return ()
        found = [mildest]
        for name, values in self.moves.options.items():
            of_rate = name == "learning_rate"
            now = mildest.learning_rate if of_rate else mildest.options.get(name, values[0])
            for value in values:
                if value != now:
                    changed = {"learning_rate": float(value)} if of_rate else {"options": {**mildest.options, name: value}}
                    found.append(replace(mildest, **changed))
        return tuple(found)


def begin(bench: Bench, before: RecipeTables, progress: Progress) -> Start:
    """Train the float model, see what may be changed, and predict the designs to begin with.

    Raises:
        RecipeError: EP-431 when nothing may be changed.
        ProjectError: EP-403 for a value under `[search.options]` that the steps do not take.
    """
    plan, settings = bench.plan, bench.plan.project.search
    tuning = [step for step in plan.recipe if step.place != "first"]
    rate, own = _own_options(tuning)
    options = _options(settings, rate, bool(before) or bench.source.trained)
    _check_options(options, rate, own, before)
    front = first_front(plan, bench.source, bench.data, _space(settings), progress)
    moves = _moves(front.choices, options)
    if not moves.families and not any(moves.layers.values()):
        raise RecipeError("EP-431", "no layer is left to change", "check layers and exclude under [search]")
    recipe = sum(int(step.options.get("epochs", 0)) for step in tuning if step.trains)
    epochs = settings.epochs or _LONGER * recipe or _EPOCHS
    found = [(Choice(_named(one.design, moves), rate, own), one) for one in front.candidates]
    valid = [(choice, one) for choice, one in found if is_valid(choice, before)]
    predicted = tuple((choice.design, _predicted(choice, one.figures, one.loss, epochs, before)) for choice, one in valid)
    return Start(
        moves,
        tuple(choice for choice, _ in valid),
        epochs,
        predicted,
        front.says,
        _epoch_seconds(bench),
        _mildest(valid, plan.target),
    )


def _mildest(found: Sequence[tuple[Choice, Candidate]], target: Target) -> Choice | None:
    """Of the designs predicted to be within the budgets the one with the least loss; the smallest where none is."""
    limits = limits_of(target)
    within = [(one.loss, number) for number, (_, one) in enumerate(found) if meets(one.figures, limits)]
    return found[min(within)[1] if within else 0][0] if found else None


def _epoch_seconds(bench: Bench) -> float | None:
    """What an epoch of the float model's training took, with what came before and after it."""
    first = [step for step in bench.plan.recipe if step.place == "first"]
    if not first or bench.source.trained:
        return None
    steps = (*first, Quantize(aware=False))
    trained = compress(bench.source, bench.data, steps, bench.plan.metric, bench.plan.cache, SilentProgress()).steps[0]
    return trained.seconds / int(first[0].options["epochs"]) or None


def _own_options(steps: Sequence[Step]) -> tuple[float, dict[str, Any]]:
    """The learning rate and the training options that the project's own recipe has, of its first step that sets them."""
    written = written_tables(steps)
    rate = next((float(table["learning_rate"]) for table in written if "learning_rate" in table), 0.001)
    return rate, {name: table[name] for table in reversed(written) for name in _OWN_OPTIONS if name in table}


def _options(settings: SearchSettings, rate: float, taught: bool) -> dict[str, tuple[Any, ...]]:
    """The training options to try; the float model teaches where there is one that was trained."""
    usual: dict[str, tuple[Any, ...]] = {"learning_rate": tuple(factor * rate for factor in _RATES)}
    if taught:
        usual["teacher"] = ("", "float")
    return {**usual, **settings.options}


def _check_options(options: Mapping[str, tuple[Any, ...]], rate: float, own: Mapping[str, Any], before: RecipeTables) -> None:
    """Have the steps refuse a wrong value now, not in the trial that draws it."""
    for name, values in options.items():
        for value in values:
            given = {} if name == "learning_rate" else {name: value}
            steps_of(Choice(Design(), value if name == "learning_rate" else rate, {**own, **given}).tables(1, before))


def _space(settings: SearchSettings) -> Space:
    """What the project's `[search]` table leaves of the space."""
    given = {name: getattr(settings, name) for name in ("sparsities", "clusters", "weights", "removed")}
    return replace(
        Space(layers=settings.layers, exclude=settings.exclude),
        **{name: values for name, values in given.items() if values is not None},
    )


def _moves(choices: Choices, options: Mapping[str, tuple[Any, ...]]) -> Moves:
    """What may be changed from a choice to the next, with doing nothing among it."""
    space = choices.space
    clusters = sorted({*space.clusters} - {0}, reverse=True)
    few = {"few_bits"} if set(space.weights) - {"int8"} else set()
    shared = {"clustered"} if clusters else set()
    layers = {
        layer.layer: frozenset(({"sparsity"} if layer.prunable else set()) | shared | (few if layer.few_bits else set()))
        for layer in choices.layers
        if space.takes(layer.layer)
    }
    return Moves(
        layers=layers,
        kernels=tuple(layer.layer for layer in choices.layers),
        families=tuple(family.layers for family in choices.families if family is not None),
        sparsities=tuple(sorted({0.0, *space.sparsities})),
        removed=tuple(sorted({0.0, *space.removed})),
        clusters=(0, *clusters),
        weights=tuple(name for name in FORMATS if name == "int8" or name in space.weights),
        options=options,
    )


def _named(design: Design, moves: Moves) -> Design:
    """A design that names every layer with kernels."""
    return replace(design, treatments={name: Treatment() for name in moves.kernels} | dict(design.treatments))


def _predicted(choice: Choice, figures: Figures, loss: float, epochs: int, before: RecipeTables) -> SearchPoint:
    recipe = Recipe(steps_of(choice.tables(epochs, before))).to_toml()
    return SearchPoint("predicted", None, words(choice), recipe, epochs, {**figures.known, "loss": loss}, 0.0)
