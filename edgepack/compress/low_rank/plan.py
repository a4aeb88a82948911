"""Which layers to factorise, how, and to which ranks: what it costs and what it keeps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.low_rank.factors import Array, Method, rank_for, spectra

Measure = Literal["parameters", "macs"]

_BISECTIONS = 30


@dataclass(frozen=True)
class Cost:
    """Weights and multiply-accumulates of a layer, biases left out."""

    parameters: int
    macs: int

    def below(self, other: Cost) -> bool:
        """Whether both fall."""
        return self.parameters < other.parameters and self.macs < other.macs


@dataclass(frozen=True)
class Candidate:
    """A way to factorise a layer: `squares` are the squared singular values of each rank."""

    layer: str
    method: Method
    squares: tuple[Array, ...]
    before: Cost
    cost: Callable[[Sequence[int]], Cost]

    def ranks(self, energy: float, align: int) -> tuple[int, ...]:
        """The smallest ranks, multiples of `align` where there are as many, that keep at least this share of the energy."""
        share = 1 - (1 - energy) / len(self.squares)  # the errors of both modes of Tucker-2 add up
        found = (rank_for(squares, share) for squares in self.squares)
        return tuple(
            min(len(squares), math.ceil(rank / align) * align) for rank, squares in zip(found, self.squares, strict=True)
        )


@dataclass(frozen=True)
class Choice:
    """How a layer is factorised."""

    method: Method
    ranks: tuple[int, ...]
    cost: Cost


Plan = dict[str, Choice]


def candidates(layer: Any, methods: Sequence[Method]) -> list[Candidate]:
    """The ways in which a Dense, Conv1D or Conv2D layer can be factorised; none for other layers, groups and channels_first."""
    kind = type(layer).__name__
    if kind not in ("Dense", "Conv1D", "Conv2D") or getattr(layer, "groups", 1) != 1:
        return []
    if getattr(layer, "data_format", "channels_last") != "channels_last" or not getattr(layer, "built", False):
        return []
    kernel = layer.kernel.numpy()
    given, made = (
        tuple(int(size or 1) for size in getattr(layer, f"get_{end}_shape_at")(0)[1:-1]) for end in ("input", "output")
    )
    before = Cost(kernel.size, kernel.size * math.prod(made))
    wide = kernel.ndim == 4 and min(kernel.shape[:2]) > 1
    found = []
    for method in methods:
        if (method == "spatial" and not wide) or (method == "tucker" and (kernel.ndim < 4 or max(kernel.shape[:2]) == 1)):
            continue
        cost = _costs(kernel, method, given, made)
        found.append(Candidate(layer.name, method, spectra(kernel, method), before, cost))
    return found


def plan(ways: Mapping[str, Sequence[Candidate]], energy: float, align: int) -> Plan:
    """The cheapest way of each layer that keeps this share of its energy; layers that would not become cheaper are left out."""
    chosen: Plan = {}
    for layer, offers in ways.items():
        choices = []
        for offer in offers:
            ranks = offer.ranks(energy, align)
            cost = offer.cost(ranks)
            if cost.below(offer.before):
                choices.append(Choice(offer.method, ranks, cost))
        if choices:
            chosen[layer] = min(choices, key=lambda choice: (choice.cost.macs, choice.cost.parameters))
    return chosen


def saved(ways: Mapping[str, Sequence[Candidate]], chosen: Plan, measure: Measure) -> int:
    """How many parameters or multiply-accumulates a plan saves."""
    return sum(getattr(ways[layer][0].before, measure) - getattr(choice.cost, measure) for layer, choice in chosen.items())


def largest_energy(fits: Callable[[float], bool]) -> float | None:
    """The largest share of the energy for which `fits`, which holds for small ones; None when it holds for none."""
    if not fits(0.0):
        return None
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _costs(kernel: NDArray[np.float32], method: Method, given: tuple[int, ...], made: tuple[int, ...]) -> Callable[[Any], Cost]:
    """What the factors of a kernel cost, by their ranks; `given` and `made` are the positions of the layer's input and output."""
    taps, (inputs, outputs) = kernel.shape[:-2], kernel.shape[-2:]
    before, after = math.prod(given), math.prod(made)

    def svd(ranks: Sequence[int]) -> Cost:
        size = ranks[0] * (math.prod(taps) * inputs + outputs)
        return Cost(size, size * after)

    def spatial(ranks: Sequence[int]) -> Cost:
        first, second = taps[0] * inputs * ranks[0], taps[1] * ranks[0] * outputs
        return Cost(first + second, first * made[0] * given[1] + second * after)

    def tucker(ranks: Sequence[int]) -> Cost:
        first, core, last = inputs * ranks[0], math.prod(taps) * ranks[0] * ranks[1], ranks[1] * outputs
        return Cost(first + core + last, first * before + (core + last) * after)

    return {"svd": svd, "spatial": spatial, "tucker": tucker}[method]
