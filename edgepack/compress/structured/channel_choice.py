"""Choosing which groups of channels go: by a share of the channels, or until so many multiply-accumulates are left."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.keras.macs import applied_kernels
from edgepack.compress.structured.channel_groups import ChannelMap
from edgepack.compress.structured.importance import Scores
from edgepack.compress.structured.surgery import Keep, kept_axes
from edgepack.ground.errors import RecipeError

Family = tuple[str, ...]
_SEARCH_STEPS = 1000


@dataclass(frozen=True)
class Goal:
    """How much is to be left. Exactly one of `share` (of each family's or all channels) and `macs` (an absolute number) is set.

    `scope`: "layer" leaves the same share of every family, "global" whatever ranks highest over all. `fixed`: families with a
    share of their own. `sizes`: how many groups each family had before any was removed; shares count from there. `align`: keep
    multiples of this number; `limit`: no family loses more than this share.
    """

    share: float | None
    macs: int | None
    scope: Literal["layer", "global"]
    sizes: Mapping[Family, int]
    fixed: Mapping[Family, float]
    align: int
    limit: float


def choose(model: Any, channels: ChannelMap, scores: Scores, goal: Goal, allowed: Mapping[Family, NDArray[np.int64]]) -> Keep:
    """Which groups to keep, those of `allowed` being the ones that may go.

    With `macs` the fewest channels go that bring the model to it, found by bisection.

    Raises:
        RecipeError: EP-417 when the multiply-accumulates cannot be reached.
    """
    ranked = {family: groups[np.argsort(-scores[groups], kind="stable")] for family, groups in allowed.items()}
    free = [groups for family, groups in ranked.items() if family not in goal.fixed]
    pool = np.sort(scores[np.concatenate(free)]) if free else np.zeros(0)

    def keep_at(removed: float) -> Keep:
        """Without the share `removed` of what may go."""
        keep = np.ones(channels.count, dtype=np.bool_)
        threshold = pool[min(len(pool) - 1, math.floor(removed * len(pool)))] if len(pool) else 0.0
        for family, groups in ranked.items():
            if family in goal.fixed:
                count = round(goal.sizes[family] * goal.fixed[family])
            elif goal.scope == "layer":
                count = round(goal.sizes[family] * (1 - removed))
            else:
                count = int((scores[groups] >= threshold).sum()) if removed < 1 else 0
            keep[groups[_aligned(count, len(groups), goal, family) :]] = False
        return keep

    if goal.macs is None:
        assert goal.share is not None
        left = goal.share
        if goal.scope == "global" and free:
            left = min(1.0, goal.share * sum(goal.sizes[family] for family in ranked if family not in goal.fixed) / len(pool))
        return keep_at(1 - left)
    macs = _counter(model, channels)
    low, high = 0, _SEARCH_STEPS
    if macs(keep_at(1.0)) > goal.macs:
        least, whole = macs(keep_at(1.0)), macs(np.ones(channels.count, dtype=np.bool_))
        raise RecipeError(
            "EP-417",
            f"structured: of {whole} multiply-accumulates {least} are left when all that may go is gone; {goal.macs} were wanted",
            "raise macs or limit, lower align, or exclude fewer layers",
        )
    while low < high:
        middle = (low + high) // 2
        if macs(keep_at(middle / _SEARCH_STEPS)) <= goal.macs:
            high = middle
        else:
            low = middle + 1
    keep = keep_at(low / _SEARCH_STEPS)
    if low:
        _give_back(keep, {family: groups for family, groups in ranked.items() if family not in goal.fixed}, scores, goal, macs)
    return keep


def _give_back(
    keep: Keep, ranked: Mapping[Family, NDArray[np.int64]], scores: Scores, goal: Goal, macs: Callable[[Keep], int]
) -> None:
    """Keep what still fits, in place: a step of the search takes channels from several families at once, often too many."""
    waiting = {}
    for family, groups in ranked.items():
        removed = groups[~keep[groups]]
        waiting[family] = [removed[start : start + goal.align] for start in range(0, len(removed), goal.align)]
    while waiting := {family: chunks for family, chunks in waiting.items() if chunks}:
        family = max(waiting, key=lambda name: float(scores[waiting[name][0]].mean()))
        chunk = waiting[family].pop(0)
        keep[chunk] = True
        if macs(keep) > (goal.macs or 0):
            keep[chunk] = False
            waiting[family] = []


def remaining_macs(model: Any, channels: ChannelMap, keep: Keep) -> int:
    """The multiply-accumulates of `model` without the groups that `keep` leaves out."""
    return _counter(model, channels)(keep)


def macs_saved(model: Any, channels: ChannelMap) -> Scores:
    """For each group that may go, the multiply-accumulates that its removal alone saves; 0 for the others."""
    count = _counter(model, channels)
    every = np.ones(channels.count, dtype=np.bool_)
    whole = count(every)
    saved = np.zeros(channels.count)
    for _, groups in channels.families():
        for group in groups.tolist():
            every[group] = False
            saved[group] = whole - count(every)
            every[group] = True
    return saved


def _counter(model: Any, channels: ChannelMap) -> Callable[[Keep], int]:
    """A function from flags of kept groups to multiply-accumulates."""
    terms = list(applied_kernels(model))

    def count(keep: Keep) -> int:
        total = 0
        for layer, name, shape, positions in terms:
            known = channels.layers.get(layer.name)
            axes = kept_axes(name, shape, known, keep, getattr(layer, "depth_multiplier", 1)) if known else (None,) * len(shape)
            sizes = [size if places is None else len(places) for size, places in zip(shape, axes, strict=True)]
            total += math.prod(sizes) * positions
        return total

    return count


def _aligned(count: int, size: int, goal: Goal, family: Family) -> int:
    """How many of `size` groups to keep when `count` are wanted: at least one, at least what `limit` leaves, a whole multiple."""
    least = max(1, math.ceil(goal.sizes[family] * (1 - goal.limit) - 1e-9))
    count = max(count, least)
    if goal.align > 1:
        count = max(goal.align, math.floor(count / goal.align + 0.5) * goal.align)
    return min(count, size)
