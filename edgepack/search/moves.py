"""The choices around a choice: which values each layer and each option may have, and a step up or down in a few of them.

The values are numbered from the mildest, and a parameter of an Optuna trial is such a number: Optuna learns from all trials which
numbers do well, and is asked for numbers at most one away from those of the choice that is varied.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from edgepack.search.choice import Choice
from edgepack.search.design import Design, Treatment

if TYPE_CHECKING:
    import optuna

Value = TypeVar("Value")

FORMATS = ("int8", "int4", "ternary", "binary")
_FREE = 0.2
"""How likely Optuna may choose a parameter of a proposal."""


@dataclass(frozen=True)
class Moves:
    """What a search may change.

    `layers` maps names of layers to the fields of a `Treatment` that may change there, `kernels` are all layers with kernels,
    each of which a design has to name before others take few bits, `families` are the layers that can only lose channels
    together. `sparsities` and `removed` rise from 0, `clusters` go from many to few, 0 for none first; `weights` goes from many
    bits to few; `options` are training options, "learning_rate" among them.
    """

    layers: Mapping[str, frozenset[str]]
    kernels: tuple[str, ...] = ()
    families: tuple[tuple[str, ...], ...] = ()
    sparsities: tuple[float, ...] = (0.0,)
    removed: tuple[float, ...] = (0.0,)
    clusters: tuple[int, ...] = (0,)
    weights: tuple[str, ...] = ("int8",)
    options: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Parameter:
    """One number of a choice: its name, the values it stands for, which of them the choice has, and the field of a `Treatment`
    of which layers it is; of none, it is one of the whole choice."""

    name: str
    values: tuple[Any, ...]
    at: int
    layers: tuple[str, ...] = ()
    field: str = ""


def propose(trial: optuna.Trial, parent: Choice, moves: Moves, seed: int) -> Choice:
    """A choice near `parent`: one parameter moves, some more are Optuna's to choose, both drawn with `seed`; the others stay."""
    drawn = random.Random(seed)
    parameters = [each for each in _parameters(parent, moves) if len(each.values) > 1]
    moved = drawn.choice(parameters).name if parameters else ""
    found = {}
    for each in parameters:
        low, high = max(0, each.at - 1), min(len(each.values) - 1, each.at + 1)
        if each.name == moved:
            low = high = drawn.choice([number for number in (low, high) if number != each.at])
        elif drawn.random() >= _FREE:
            low = high = each.at
        found[each.name] = trial.suggest_int(each.name, low, high)
    return _changed(parent, moves, found)


def anywhere(trial: optuna.Trial, like: Choice, moves: Moves) -> Choice:
    """A choice from the whole space, every parameter Optuna's; for comparisons with searches that know nothing."""
    found = {each.name: trial.suggest_int(each.name, 0, len(each.values) - 1) for each in _parameters(like, moves)}
    return _changed(like, moves, found)


def numbers_of(choice: Choice, moves: Moves) -> dict[str, tuple[int, int]]:
    """The parameters of a choice: each one's number, and the highest there is."""
    return {each.name: (each.at, len(each.values) - 1) for each in _parameters(choice, moves) if len(each.values) > 1}


def _parameters(choice: Choice, moves: Moves) -> Iterator[_Parameter]:
    design = choice.design

    def treatment(layer: str) -> Treatment:
        return design.treatments.get(layer, Treatment())

    for family in moves.families:
        at = _nearest(moves.removed, treatment(family[0]).removed)
        yield _Parameter(f"{family[0]}.removed", moves.removed, at, family, "removed")
    for layer, fields in sorted(moves.layers.items()):
        if "sparsity" in fields:
            at = _nearest(moves.sparsities, treatment(layer).sparsity)
            yield _Parameter(f"{layer}.sparsity", moves.sparsities, at, (layer,), "sparsity")
        for name, of_all in (("clustered", moves.clusters), ("few_bits", moves.weights)):
            if name in fields and len(of_all) > 1:
                yield _Parameter(f"{layer}.{name}", (False, True), int(getattr(treatment(layer), name)), (layer,), name)
    yield _Parameter("clusters", moves.clusters, _nearest(moves.clusters, design.clusters))
    yield _Parameter("weights", moves.weights, _place(moves.weights, design.weights))
    for name, values in sorted(moves.options.items()):
        now = choice.learning_rate if name == "learning_rate" else choice.options.get(name, values[0])
        yield _Parameter(name, values, _place(values, now))


def _changed(parent: Choice, moves: Moves, numbers: Mapping[str, int]) -> Choice:
    """`parent` with the values of these numbers; where a number is the parent's own, its value stays as it is."""
    design = parent.design
    treatments = {name: Treatment() for name in moves.kernels} | dict(design.treatments)
    whole: dict[str, Any] = {}
    for each in _parameters(parent, moves):
        if numbers.get(each.name, each.at) == each.at:
            continue
        value = each.values[numbers[each.name]]
        for layer in each.layers:
            treatments[layer] = replace(treatments.get(layer, Treatment()), **{each.field: value})
        if not each.layers:
            whole[each.name] = value
    changed = Design(treatments, whole.pop("clusters", design.clusters), whole.pop("weights", design.weights))
    rate = float(whole.pop("learning_rate", parent.learning_rate))
    return Choice(repaired(changed), rate, {**parent.options, **whole})


def repaired(design: Design) -> Design:
    """A design without what has no effect or cannot be: marks for clusters or few bits where none are, zeros in binary weights.

    Weights of few bits and clusters exclude each other: the training for few bits does not keep what weights share.
    """
    if design.weights == "int8" or not any(each.few_bits for each in design.treatments.values()):
        design = replace(design, weights="int8", treatments=_with(design.treatments, few_bits=False))
    shared = any(each.clustered for each in design.treatments.values())
    if not design.clusters or not shared or design.weights != "int8":
        design = replace(design, clusters=0, treatments=_with(design.treatments, clustered=False))
    if design.weights == "binary":
        design = replace(design, treatments=_with(design.treatments, sparsity=0.0))
    return design


def _with(treatments: Mapping[str, Treatment], **fields: Any) -> dict[str, Treatment]:
    return {name: replace(each, **fields) for name, each in treatments.items()}


def _nearest(values: Sequence[float], value: float) -> int:
    return min(range(len(values)), key=lambda at: abs(values[at] - value))


def _place(values: Sequence[Any], value: Any) -> int:
    """Where a value stands; one that is not among them counts as the first."""
    plain = [list(each) if isinstance(each, tuple) else each for each in values]
    wanted = list(value) if isinstance(value, tuple) else value
    return plain.index(wanted) if wanted in plain else 0
