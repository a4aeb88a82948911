"""The order in which several workers run the tests: each begins with slow ones."""

from __future__ import annotations

import pytest

from .conftest import in_shares


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
@pytest.mark.parametrize(("slow", "quick"), [(7, 100), (0, 10), (4, 0), (1, 2)])
def test_each_worker_begins_with_its_share_of_the_slow_ones(slow: int, quick: int, workers: int) -> None:
    """xdist's worksteal gives each worker as many tests as the next, in a row."""
    items = in_shares([f"slow {number}" for number in range(slow)], [f"quick {number}" for number in range(quick)], workers)
    assert len(items) == len(set(items)) == slow + quick
    for worker in range(workers):
        given = items[len(items) * worker // workers + 1 : len(items) * (worker + 1) // workers - 1]
        assert [item[:4] for item in given] == sorted((item[:4] for item in given), reverse=True)
