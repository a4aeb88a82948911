"""The first front: designs that promise most for the target's budgets, found before anything is trained."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgepack.compress import Quantize, compress
from edgepack.compress.fisher import fisher
from edgepack.ground.progress import Progress
from edgepack.search.choices import Choices, Level, Space, Stored, choices_of
from edgepack.search.design import Design, Treatment
from edgepack.search.figures import Figures
from edgepack.search.losses import Losses, losses_of
from edgepack.search.options import Pricing, price
from edgepack.search.program import Problem, Solution, least, nearest, solve
from edgepack.search.standing import pareto
from edgepack.search.weigh import Workshop, is_compiled

if TYPE_CHECKING:
    from edgepack.pipeline.request import Plan
    from edgepack.project import Target
    from edgepack.sources import Dataset, SourceModel

_EXAMPLES = 256  # of the gradients
_STEPS = (6, 3)  # designs along the first goal and along the second, from the tightest to the plain model
_FURTHEST = 0.85  # of the way to the least that can be had, where nothing is left of most models
_MOST = 10
_CORRECTIONS = 2  # times that limits are corrected by what a compile of the design says


@dataclass(frozen=True)
class Candidate:
    """A design, its figures from a compile of it with untrained weights, and the drop of the metric expected before training.

    The loss ranks designs; training wins most of it back.
    """

    design: Design
    figures: Figures
    loss: float


@dataclass(frozen=True)
class LayerRow:
    """A layer and a choice for it: the expected drop of the metric, and its bytes in flash (of the file where nothing is
    compiled). `what` is like "80 % zeros, int4"."""

    layer: str
    what: str
    loss: float
    bytes: float
    instructions: float


@dataclass(frozen=True)
class Front:
    """Candidates, the smallest first, none better than another in everything; the plain int8 model's figures; the layers' table.

    `met` says whether the first-named budgets can be met at all, `says` what limits where they cannot; the first candidate is
    then the nearest. `seconds` is what it took, `choices` what the designs were chosen from.
    """

    candidates: tuple[Candidate, ...]
    plain: Figures
    table: tuple[LayerRow, ...]
    met: bool
    says: str
    seconds: float
    choices: Choices


@dataclass(frozen=True)
class _Found:
    """A solution at a level, and what it was solved under."""

    level: Level
    solution: Solution


def first_front(plan: Plan, source: SourceModel, data: Dataset, space: Space, progress: Progress) -> Front:
    """Five to ten designs between the tightest that the target's budgets ask for and the plain int8 model.

    The float model is trained first where the recipe begins with that. Validation and training examples decide; the test split
    only gives the float model's figures that every run shows.

    Raises:
        ModelError, DataError, RecipeError, ConvertError, CompileError, ToolError: what the rooms say.
    """
    begun = time.monotonic()
    first = tuple(step for step in plan.recipe if step.place == "first")
    compressed = compress(source, data, (*first, Quantize(aware=False)), plan.metric, plan.cache, progress)
    seen = fisher(compressed, data, _EXAMPLES, plan.cache, progress)
    shop = Workshop(compressed, data, plan.target, choices_of(seen.layers, seen.families, space), plan.cache, progress)
    losses = losses_of(seen, shop, plan.metric.of(compressed.reading))
    plain = shop.figures(shop.alike(Stored(), Level()))
    with progress.stage("Compiling choices", "all layers alike") as task:
        pricing = price(shop, plain, task)
    with progress.stage("Choosing designs", "an integer program for each way to store weights") as task:
        designs = _Designs(shop, losses, pricing, limits_of(plan.target))
        found = designs.sweep()
        candidates = []
        for number, one in enumerate(found):
            task.update(number, len(found), "compiling a design")
            candidates.append(designs.candidate(one))
        candidates = designs.corrected(candidates)
        task.finish(f"{len(candidates)} designs")
    met, says = designs.verdict(candidates)
    if not met:
        progress.warn(says)
    rows = _table(shop.choices, losses, pricing)
    return Front(tuple(candidates), plain, rows, met, says, time.monotonic() - begun, shop.choices)


def limits_of(target: Target) -> dict[str, float]:
    """The target's budgets that a design decides, by the names of figures. Every latency budget is one of the same estimate, and
    so is energy where the profile names current and voltage.
    """
    budget, device = target.budget, target.device
    latencies = [limit for limit in (budget.latency_p50, budget.latency_p95, budget.latency_p99) if limit is not None]
    if budget.energy is not None and device.current_ma and device.voltage_v:
        latencies.append(budget.energy / (device.current_ma / 1000 * device.voltage_v))
    found = {
        "flash": budget.flash,
        "ram": budget.ram,
        "latency": min(latencies, default=None),
        "model_size": budget.model_size,
    }
    told = {"flash", "ram", "latency", "model_size"} if is_compiled(target) else {"model_size"}
    return {name: float(limit) for name, limit in found.items() if limit is not None and name in told}


class _Designs:
    """What the sweep and its corrections share."""

    def __init__(self, shop: Workshop, losses: Losses, pricing: Pricing, limits: Mapping[str, float]) -> None:
        self._shop, self._losses, self._limits = shop, losses, limits
        self.problems: dict[Level, Problem] = {level: pricing.problem(level, losses) for level in shop.choices.levels()}
        goals = ("flash", "instructions") if is_compiled(shop.target) else ("model_size", "macs")
        self.goals = tuple(goal for goal in goals if goal in self.problems[Level()].fixed)

    def sweep(self) -> list[_Found]:
        """Solutions along each goal, from the least that can be had within the other budgets to the plain model's."""
        found: list[_Found] = []
        limits = self._limits
        if (tight := self.best(limits)) is not None:
            found.append(tight)
        else:
            found.append(min((_Found(level, nearest(problem, limits)) for level, problem in self.problems.items()), key=_excess))
            limits = {}  # so that there is more to begin with than the nearest design
        for number, goal in enumerate(self.goals):
            within = {name: limit for name, limit in limits.items() if name != goal}
            lowest = min(least(problem, goal) for problem in self.problems.values())
            highest = min(limits.get(goal, float("inf")), self._plain(goal))
            for step in range(1, _STEPS[number] + 1):
                # Evenly by ratio: half of what is left is as far from all of it as a quarter is from half.
                limit = highest * (max(lowest, 1.0) / max(highest, 1.0)) ** (_FURTHEST * step / _STEPS[number])
                if limit < highest and (one := self.best({**within, goal: limit})) is not None:
                    found.append(one)
        return list({_key(one): one for one in found}.values())

    def best(self, limits: Mapping[str, float]) -> _Found | None:
        """The solution of least loss over all levels."""
        solved = [_Found(level, one) for level, problem in self.problems.items() if (one := solve(problem, limits)) is not None]
        return min(solved, key=lambda each: each.solution.loss, default=None)

    def candidate(self, found: _Found) -> Candidate:
        """The design of a solution, compiled."""
        design = _design(self._shop.choices, found)
        figures = self._shop.figures(self._shop.untrained(design))
        return Candidate(design, figures, self._losses.drop(found.solution.loss))

    def corrected(self, candidates: list[Candidate]) -> list[Candidate]:
        """The candidates without dominated ones; where none meets the budgets although one should, limits are tightened by as
        much as the compile says more than the program."""
        limits = dict(self._limits)
        for _ in range(_CORRECTIONS):
            if not limits or any(meets(each.figures, self._limits) for each in candidates):
                break
            found = self.best(limits)
            if found is None:
                break
            one = self.candidate(found)
            candidates.append(one)
            for name in limits:
                real, told = getattr(one.figures, name), found.solution.costs.get(name)
                if real is not None and told is not None:
                    limits[name] = min(limits[name], self._limits[name] - max(0.0, real - told))
        return front_of(candidates)[:_MOST]

    def verdict(self, candidates: Sequence[Candidate]) -> tuple[bool, str]:
        """Whether some candidate meets all budgets, and what is missed where none does."""
        if any(meets(each.figures, self._limits) for each in candidates):
            return True, ""
        best = min(candidates, key=lambda each: _over(each.figures, self._limits))
        missed = [
            f"{name} {getattr(best.figures, name):,.6g} where {limit:,.6g} is allowed"
            for name, limit in self._limits.items()
            if (getattr(best.figures, name) or 0) > limit
        ]
        return False, f"no design was found within the budgets of {self._shop.target.name}; the nearest has {', '.join(missed)}"

    def _plain(self, goal: str) -> float:
        """The plain model's cost."""
        problem = self.problems[Level()]
        return problem.fixed[goal] + sum(layer.options[0].costs.get(goal, 0.0) for layer in problem.layers)


def meets(figures: Figures, limits: Mapping[str, float]) -> bool:
    """Whether no figure is above its limit."""
    return _over(figures, limits) <= 0


def _over(figures: Figures, limits: Mapping[str, float]) -> float:
    return max((getattr(figures, name) / limit - 1 for name, limit in limits.items() if getattr(figures, name)), default=0.0)


def _excess(found: _Found) -> float:
    return found.solution.excess


def _key(found: _Found) -> tuple[object, ...]:
    stored = tuple(sorted((name, option.stored) for name, option in found.solution.options.items()))
    return found.level, stored, tuple(sorted(found.solution.removed.items()))


def front_of(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that no other is at least as good as in every figure and in loss, the smallest first."""
    unlike = list({_values(one): one for one in sorted(candidates, key=_values)}.values())
    return [unlike[at] for at in pareto([_values(one) for one in unlike])]


def _values(one: Candidate) -> tuple[float, ...]:
    figures = one.figures
    told = (figures.flash, figures.latency, figures.ram, figures.instructions, figures.model_size, figures.macs)
    return (*(float(value) for value in told if value is not None), one.loss)


def _design(choices: Choices, found: _Found) -> Design:
    """A solution as a design that names every layer with kernels."""
    options, level = found.solution.options, found.level
    stored = {layer.layer: options[layer.layer].stored for layer in choices.layers}
    if not any(each.special for each in stored.values()):
        level = Level()
    removed: dict[str, float] = {}
    for number, share in found.solution.removed.items():
        family = choices.families[number]
        if family is not None and share:
            removed |= dict.fromkeys(family.layers, share)
    treatments = {
        name: Treatment(
            removed.get(name, 0.0), each.sparsity, each.special and bool(level.clusters), each.special and level.weights != "int8"
        )
        for name, each in stored.items()
    }
    return Design(treatments, level.clusters, level.weights)


def _table(choices: Choices, losses: Losses, pricing: Pricing) -> tuple[LayerRow, ...]:
    rows = []
    for layer in choices.layers:
        for level in choices.levels():
            for stored in choices.stored(layer, level):
                if stored.special or level.plain:
                    cost = pricing.layer(layer.layer, level, stored)
                    drop = losses.drop(losses.of(layer.layer, level, stored))
                    rows.append(
                        LayerRow(layer.layer, _words(level, stored), drop, float(cost.weights - cost.saved), cost.instructions)
                    )
    return tuple(rows)


def _words(level: Level, stored: Stored) -> str:
    parts = [f"{stored.sparsity * 100:g} % zeros"] if stored.sparsity else []
    if stored.special:
        parts.append(f"{level.clusters} values" if level.clusters else level.weights)
    return ", ".join(parts) or "int8"
