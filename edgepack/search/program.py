"""One choice for each layer, so that the expected loss is least and no limit exceeded: an integer program.

A layer's kernel shrinks with the channels that its own family loses and with those that the family it reads loses. So each of
its options says both shares, and rows of the program tie them to one share for each family; that way products of two decisions
stay linear and exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_matrix

from edgepack.search.choices import Stored

SECONDS = 20.0  # that one solution may take; the best found by then counts
_CLOSE = 1e-4


@dataclass(frozen=True)
class Option:
    """What a layer may be: its weights, the shares of channels that its family and the one it reads lose, and what that costs.

    `costs` add up over layers; `peaks` must each stay below a limit alone.
    """

    stored: Stored
    own: float
    read: float
    loss: float
    costs: Mapping[str, float]
    peaks: Mapping[str, float]


@dataclass(frozen=True)
class LayerOptions:
    """A layer's options, and the numbers of its own family and the one it reads, -1 where channels stay."""

    layer: str
    family: int
    reads: int
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Problem:
    """All layers, and of each family the loss by the share of channels that it loses. `fixed` is added to the sums of costs."""

    layers: tuple[LayerOptions, ...]
    families: Mapping[int, Mapping[float, float]]
    fixed: Mapping[str, float]


@dataclass(frozen=True)
class Solution:
    """An option for each layer by its name, the share that each family loses, the sums, and by how much the limits are exceeded:
    0.1 where one is by a tenth at most, 0 where all are met."""

    options: Mapping[str, Option]
    removed: Mapping[int, float]
    loss: float
    costs: Mapping[str, float]
    excess: float = 0.0


def solve(problem: Problem, limits: Mapping[str, float]) -> Solution | None:
    """The options of least loss whose sums and peaks stay within `limits`; None when there are none."""
    return _solve(problem, limits, nearest=False)


def nearest(problem: Problem, limits: Mapping[str, float]) -> Solution:
    """The options that exceed the limits by the smallest share, the same for all of them."""
    found = _solve(problem, limits, nearest=True)
    assert found is not None  # some excess is always enough
    return found


def least(problem: Problem, cost: str) -> float:
    """The smallest sum of a cost that any options reach."""
    return _solve(problem, {cost: 0.0}, nearest=True, absolute=True).costs[cost]  # type: ignore[union-attr]


class _Rows:
    """Rows of a sparse matrix with their bounds."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, int, float]] = []
        self.low: list[float] = []
        self.high: list[float] = []

    def add(self, entries: Sequence[tuple[int, float]], low: float, high: float) -> None:
        row = len(self.low)
        self.entries.extend((row, column, value) for column, value in entries if value)
        self.low.append(low)
        self.high.append(high)

    def constraint(self, columns: int) -> LinearConstraint:
        rows, places, values = zip(*self.entries, strict=True)
        return LinearConstraint(coo_matrix((values, (rows, places)), (len(self.low), columns)).tocsr(), self.low, self.high)


def _solve(problem: Problem, limits: Mapping[str, float], nearest: bool, absolute: bool = False) -> Solution | None:
    options = [(layer, option) for layer in problem.layers for option in layer.options]
    shares = [(family, share) for family, losses in problem.families.items() for share in losses]
    where = {key: len(options) + place for place, key in enumerate(shares)}
    count = len(options) + len(shares) + 1  # the last is the excess
    rows = _Rows()
    for family, losses in problem.families.items():
        rows.add([(where[family, share], 1.0) for share in losses], 1.0, 1.0)
    place = 0
    for layer in problem.layers:
        own = [(place + number, option) for number, option in enumerate(layer.options)]
        place += len(own)
        rows.add([(column, 1.0) for column, _ in own], 1.0, 1.0)
        for family, said in (
            (layer.family, [option.own for _, option in own]),
            (layer.reads, [option.read for _, option in own]),
        ):
            for share in problem.families.get(family, {}):
                tied = [(column, 1.0) for (column, _), each in zip(own, said, strict=True) if each == share]
                rows.add([*tied, (where[family, share], -1.0)], 0.0, 0.0)
    for name, limit in limits.items():
        unit = max(abs(limit), 1.0)
        room = limit - problem.fixed.get(name, 0.0)
        costs = [(column, option.costs.get(name, 0.0) / unit) for column, (_, option) in enumerate(options)]
        if any(value for _, value in costs):
            rows.add([*costs, (count - 1, -1.0)], -np.inf, room / unit)
        start = 0
        for layer in problem.layers:
            peaks = [(start + number, option.peaks.get(name, 0.0) / unit) for number, option in enumerate(layer.options)]
            start += len(layer.options)
            if any(value for _, value in peaks):
                rows.add([*peaks, (count - 1, -1.0)], -np.inf, limit / unit)
    every = [option.loss for _, option in options] + [problem.families[family][share] for family, share in shares]
    scale = 1e-3 * (0.0 if absolute else 1.0) / max(sum(every), 1e-30) if nearest else 1.0 / max(max(every), 1e-30)
    goal = np.array([*(scale * loss for loss in every), 1.0 if nearest else 0.0])
    bounds = Bounds(np.zeros(count), np.array([*np.ones(count - 1), np.inf if nearest else 0.0]))
    integrality = np.array([*np.ones(count - 1), 0])
    found = milp(
        goal,
        constraints=rows.constraint(count),
        bounds=bounds,
        integrality=integrality,
        options={"time_limit": SECONDS, "mip_rel_gap": _CLOSE},
    )
    if found.x is None:
        return None
    taken = {layer.layer: option for (layer, option), value in zip(options, found.x, strict=False) if value > 0.5}
    removed = {family: share for (family, share), column in where.items() if found.x[column] > 0.5}
    return _solution(problem, taken, removed, limits)


def _solution(
    problem: Problem, taken: Mapping[str, Option], removed: Mapping[int, float], limits: Mapping[str, float]
) -> Solution:
    """The sums anew, without the solver's rounding."""
    names = dict.fromkeys([*problem.fixed, *(name for option in taken.values() for name in option.costs)])
    costs = {name: problem.fixed.get(name, 0.0) + sum(option.costs.get(name, 0.0) for option in taken.values()) for name in names}
    peaks: dict[str, float] = {}
    for option in taken.values():
        for name, value in option.peaks.items():
            peaks[name] = max(peaks.get(name, 0.0), value)
    costs |= peaks
    over = [(costs[name] - limit) / max(abs(limit), 1.0) for name, limit in limits.items() if name in costs]
    loss = math.fsum(option.loss for option in taken.values()) + math.fsum(
        problem.families[family][share] for family, share in removed.items()
    )
    return Solution(dict(taken), dict(removed), loss, costs, max([0.0, *over]))
