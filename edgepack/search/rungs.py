"""Successive halving without waiting (Li et al. 2020, ASHA, arXiv:1810.05934): little training for all, three times more for the
better third, and again."""

from __future__ import annotations

from collections.abc import Sequence

from edgepack.search.standing import Standing, order

FACTOR = 3
_RUNGS = 3
_FEWEST = 3


def rungs(epochs: int) -> tuple[int, ...]:
    """The epochs of each rung, rising to `epochs`: (3, 6, 18) of 18.

    The first has an epoch for each step that most recipes have: with fewer they would not train less.
    """
    found = {max(min(_FEWEST, epochs), round(epochs / FACTOR**below)) for below in range(_RUNGS)}
    return tuple(sorted(found))


def to_promote(standings: Sequence[Standing], promoted: Sequence[bool], others_wait: bool) -> int | None:
    """Which of the finished trials of a rung goes on to the next: the best of its better third that has not; None: none yet.

    While `others_wait` to be run on this rung, a third is rounded down; after that one goes on at least.
    """
    places = order(standings)
    number = len(places) // FACTOR
    better = places[: number if others_wait else max(1, number)]
    return next((at for at in better if not promoted[at]), None)
