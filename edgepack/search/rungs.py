"""Successive halving without waiting (Li et al. 2020, ASHA, arXiv:1810.05934): little training for all, three times more for the
better third, and again."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgepack.search.standing import Standing, order

FACTOR = 3
_RUNGS = 3
_FEWEST = 3  # an epoch for each step that most recipes have: with fewer they would not train less
_BESIDES = 5.0
"""Seconds that converting, evaluating and compiling a small model took on two cores, whatever it was trained."""


def rungs(epochs: int, epoch_seconds: float | None = None) -> tuple[int, ...]:
    """The epochs of each rung, rising to `epochs`: (6, 18, 54) of 54.

    The first trains for as long as the rest of a trial takes at least, where an epoch's seconds are known: less would save
    nothing.
    """
    least = max(_FEWEST, 0 if not epoch_seconds else math.ceil(_BESIDES / epoch_seconds))
    return tuple(sorted({max(min(least, epochs), round(epochs / FACTOR**below)) for below in range(_RUNGS)}))


def to_promote(standings: Sequence[Standing], promoted: Sequence[bool], others_wait: bool) -> int | None:
    """Which of the finished trials of a rung goes on to the next: the best of its better third that has not; None: none yet.

    While `others_wait` to be run on this rung, a third is rounded down; after that one goes on at least.
    """
    places = order(standings)
    number = len(places) // FACTOR
    better = places[: number if others_wait else max(1, number)]
    return next((at for at in better if not promoted[at]), None)
