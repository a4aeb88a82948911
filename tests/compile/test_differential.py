"""Random networks equal the reference runtime on every CPU's kernels; a failing line names the seed that reproduces it."""

from __future__ import annotations

import pytest

from tests.compile.differential import check


@pytest.mark.parametrize("first", [10_000, 10_050])
def test_random_networks_equal_the_reference(first: int) -> None:
    assert check(range(first, first + 25)) == []


def test_a_copy_in_several_calls_is_no_part_of_a_band() -> None:
    """A concatenation before layers that are in a band already: its copies were once lost."""
    assert check(range(808, 809)) == check(range(1261, 1262)) == []
