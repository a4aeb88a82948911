"""The least and the greatest value that a computation can give: interval arithmetic on pairs of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Span = tuple[float, float]

ANY: Span = (-math.inf, math.inf)
UNIT: Span = (0.0, 1.0)

_ROUNDING = 1e-3  # relu6(x + 3) * 0.16666667 ends a little above 1


def within_unit(span: Span) -> bool:
    """Whether everything lies between 0 and 1."""
    return span[0] >= -_ROUNDING and span[1] <= 1 + _ROUNDING


def hull(spans: Sequence[Span]) -> Span:
    """The span that holds all of them; nothing is known of none."""
    return (min(low for low, _ in spans), max(high for _, high in spans)) if spans else ANY


def clip(span: Span, to: Span) -> Span:
    """`span` after every value was brought between the ends of `to`.

    >>> clip((-3, 2), (0, 1))
    (0, 1)
    """
    return min(max(span[0], to[0]), to[1]), min(max(span[1], to[0]), to[1])


def add(first: Span, second: Span) -> Span:
    """All sums."""
    return first[0] + second[0], first[1] + second[1]


def subtract(first: Span, second: Span) -> Span:
    """All differences."""
    return first[0] - second[1], first[1] - second[0]


def multiply(first: Span, second: Span) -> Span:
    """All products; 0 times infinity is 0, for infinity only says that there is no bound.

    >>> multiply((-1, 1), (2, 3))
    (-3, 3)
    """
    return _of_ends(first, second, lambda a, b: 0.0 if not a or not b else a * b)


def divide(first: Span, second: Span) -> Span:
    """All quotients; of a divisor that may be 0 nothing is known."""
    if second[0] <= 0 <= second[1]:
        return ANY
    return multiply(first, (1 / second[1], 1 / second[0]))


def maximum(first: Span, second: Span) -> Span:
    """The larger of each two."""
    return max(first[0], second[0]), max(first[1], second[1])


def minimum(first: Span, second: Span) -> Span:
    """The smaller of each two."""
    return min(first[0], second[0]), min(first[1], second[1])


def _of_ends(first: Span, second: Span, compute: Callable[[float, float], float]) -> Span:
    found = [compute(a, b) for a in first for b in second]
    return min(found), max(found)
