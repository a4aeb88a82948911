"""A conversion takes little more memory than TensorFlow's converter alone, each in a process of its own."""

from __future__ import annotations

import pytest

from benchmarks.memory.conversion import BAR, measure, shares


@pytest.mark.slow
def test_a_conversion_takes_hardly_more_memory_than_the_bare_converter() -> None:
    """48 MB of weights, converted three times; the 100 MB of what edgepack imports are a fifth of what the converter takes."""
    in_all, beyond = shares(measure("dense", 16, ("opened", "bare", "stage")))["stage"]
    assert in_all < BAR and beyond < BAR + 0.1
