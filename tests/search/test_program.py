"""The integer program gives what trying all combinations gives."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from edgepack.search.choices import Stored
from edgepack.search.program import LayerOptions, Option, Problem, least, nearest, solve

SHARES = (0.0, 0.5)
WEIGHTS = (Stored(), Stored(0.5), Stored(0.9))


def problem(seed: int) -> Problem:
    """Three layers in a row; the first two can lose channels, the second and third read what is lost."""
    draw = np.random.default_rng(seed)
    layers = []
    for name, family, reads in (("a", 0, -1), ("b", 1, 0), ("c", -1, 1)):
        options = []
        for stored in WEIGHTS:
            loss, flash = draw.uniform(0, 1), draw.uniform(50, 100) * (1 - stored.sparsity)
            for own, read in product(SHARES if family >= 0 else (0.0,), SHARES if reads >= 0 else (0.0,)):
                share = (1 - own) * (1 - read)
                options.append(Option(stored, own, read, loss * stored.sparsity, {"flash": flash * share}, {"ram": 100 * share}))
        layers.append(LayerOptions(name, family, reads, tuple(options)))
    losses = {family: {0.0: 0.0, 0.5: float(draw.uniform(0, 2))} for family in (0, 1)}
    return Problem(tuple(layers), losses, {"flash": 20.0})


def every(of: Problem) -> list[tuple[float, float, float]]:
    """Loss, flash and RAM of all combinations in which a family loses one share wherever it is seen."""
    found = []
    for options in product(*(layer.options for layer in of.layers)):
        a, b, c = options
        if a.own == b.read and b.own == c.read:
            loss = sum(each.loss for each in options) + of.families[0][a.own] + of.families[1][b.own]
            flash = of.fixed["flash"] + sum(each.costs["flash"] for each in options)
            found.append((loss, flash, max(each.peaks["ram"] for each in options)))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_it_finds_the_least_loss_within_the_limits(seed: int) -> None:
    of = problem(seed)
    combinations = every(of)
    assert len(combinations) == 27 * 4
    for flash, ram in ((60.0, 100.0), (90.0, 100.0), (150.0, 100.0), (150.0, 50.0), (400.0, 100.0)):
        fitting = [loss for loss, needs, peak in combinations if needs <= flash and peak <= ram]
        found = solve(of, {"flash": flash, "ram": ram})
        if not fitting:
            assert found is None
            continue
        assert found is not None and found.loss == pytest.approx(min(fitting), rel=1e-3, abs=1e-6)
        assert found.costs["flash"] <= flash + 1e-6 and found.costs["ram"] <= ram and found.excess <= 1e-9
        assert found.options["a"].own == found.options["b"].read == found.removed[0]


def test_without_a_limit_nothing_is_done() -> None:
    found = solve(problem(0), {})
    assert found is not None and found.loss == 0 and set(found.removed.values()) == {0.0}


@pytest.mark.parametrize("seed", range(3))
def test_what_no_combination_meets_is_none_and_the_nearest_is_told(seed: int) -> None:
    of = problem(seed)
    limits = {"flash": 15.0, "ram": 10.0}
    assert solve(of, limits) is None
    found = nearest(of, limits)
    over = min(max(flash / 15 - 1, ram / 10 - 1) for _, flash, ram in every(of))
    assert found.excess == pytest.approx(over, rel=1e-3)
    assert least(of, "flash") == pytest.approx(min(flash for _, flash, _ in every(of)), rel=1e-6)
