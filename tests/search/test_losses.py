"""Second-order losses are brought to the scale of what was measured, and never promise more than everything lost."""

from __future__ import annotations

import math

import pytest

from edgepack.search.choices import Level, Stored
from edgepack.search.losses import Trial, fitted

RAW = {
    ("a", Level(), Stored()): 0.0,
    ("a", Level(), Stored(0.5)): 1.0,
    ("a", Level(16), Stored(0.0, True)): 0.5,
    ("a", Level(16), Stored(0.5, True)): 1.2,
}


def test_a_choice_that_was_measured_is_told_as_it_was() -> None:
    trials = [Trial("sparsity", 1.0, 0.1), Trial("clusters", 0.5, 0.02)]
    found = fitted(RAW, {}, [*trials, Trial("removed", 3.0, 0.5)], 0.001)
    assert found.drop(found.of("a", Level(), Stored(0.5))) == pytest.approx(0.1, rel=1e-6)
    assert found.drop(found.of("a", Level(16), Stored(0.0, True))) == pytest.approx(0.02, rel=1e-6)
    both = found.of("a", Level(16), Stored(0.5, True))
    assert both == pytest.approx(found.factors["sparsity"] * 1.0 + found.factors["clusters"] * 0.2)


def test_drops_add_up_to_chance_at_most_and_nothing_costs_nothing() -> None:
    found = fitted(RAW, {0: {0.0: 0.0, 0.5: 3.0}}, [Trial("sparsity", 1.0, 0.4), Trial("removed", 3.0, 0.7)], 0.001)
    assert found.drop(0.0) == 0.0 and found.drop(1e9) == pytest.approx(0.7 * 1.02)
    assert found.of("a", Level(), Stored()) == 0.0 and found.of_family(0, 0.0) == 0.0
    assert found.drop(1.0) < found.drop(2.0)


def test_a_metric_that_is_no_number_counts_as_all_lost() -> None:
    found = fitted(RAW, {}, [Trial("sparsity", 1.0, math.nan), Trial("sparsity", 0.1, 0.3)], 0.001)
    assert math.isfinite(found.factors["sparsity"]) and found.factors["sparsity"] > 0


def test_choices_that_changed_nothing_leave_a_factor_all_the_same() -> None:
    found = fitted(RAW, {}, [], 0.01)
    assert set(found.factors.values()) == {1.0}
