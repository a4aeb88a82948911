"""A conversion takes little more memory than TensorFlow's converter alone, each in a process of its own."""

from __future__ import annotations

import pytest

from benchmarks.memory.conversion import BAR, measure, shares


@pytest.mark.slow
@pytest.mark.parametrize("model", ["dense", "lstm"])
def test_a_conversion_takes_hardly_more_memory_than_the_bare_converter(model: str) -> None:
    """50 MB of weights, converted three times or, an LSTM's, up to five: what one leaves behind must not add up."""
    in_all, beyond = shares(measure(model, 16, ("bare", "stage")))["stage"]
    assert in_all < BAR and beyond < BAR
