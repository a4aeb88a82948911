"""One-dimensional k-means over the rows of a matrix: the shared values of weight clustering."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Start = Literal["kmeans++", "density", "linear"]

# Lloyd's algorithm on sorted numbers settles within some twenty rounds; the bound is for safety.
_ROUNDS = 100


def share_values(
    rows: NDArray[np.float32], count: int, start: Start, keep_zero: bool, rng: np.random.Generator
) -> NDArray[np.float32]:
    """`rows` (n, m) with every weight moved to one of at most `count` values of its row (Lloyd 1982).

    With `keep_zero` weights that are zero stay so, zero is one of the `count` values, and no other weight becomes zero. A
    row that has no more values than that is not changed.

    >>> share_values(np.float32([[0, 1.0, 1.2, 5, 5.4, 0]]), 3, "linear", True, np.random.default_rng(0)).tolist()
    [[0.0, 1.100000023841858, 1.100000023841858, 5.199999809265137, 5.199999809265137, 0.0]]
    """
    shared = rows.copy()
    for row in shared:
        moved = row != 0 if keep_zero else np.ones(row.shape, bool)
        values = row[moved]
        wanted = count - 1 if keep_zero and values.size < row.size else count
        if np.unique(values).size > wanted:
            row[moved] = _nearest(values, _centroids(values, wanted, start, rng), keep_zero)
    return shared


def _nearest(values: NDArray[np.float32], centroids: NDArray[np.float64], keep_zero: bool) -> NDArray[np.float32]:
    chosen = centroids.astype(np.float32)
    if keep_zero:
        # A centroid between small weights of both signs could fall on zero, and would count as pruned.
        chosen[chosen == 0] = np.float32(np.abs(values).min())
    found: NDArray[np.float32] = chosen[np.searchsorted((centroids[1:] + centroids[:-1]) / 2, values)]
    return found


def _centroids(values: NDArray[np.float32], count: int, start: Start, rng: np.random.Generator) -> NDArray[np.float64]:
    """The `count` centroids of `values`, ascending; fewer only when some attract no value."""
    ordered = np.sort(values.astype(np.float64))
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    centroids = _begin(ordered, count, start, rng)
    for _ in range(_ROUNDS):
        cuts = np.searchsorted(ordered, (centroids[1:] + centroids[:-1]) / 2)
        edges = np.concatenate([[0], cuts, [ordered.size]])
        sizes = np.diff(edges)
        means = np.where(sizes > 0, np.diff(sums[edges]) / np.maximum(sizes, 1), centroids)
        if np.array_equal(means, centroids):
            break
        centroids = np.sort(means)
    return centroids


def _begin(ordered: NDArray[np.float64], count: int, start: Start, rng: np.random.Generator) -> NDArray[np.float64]:
    """First centroids: evenly over the range, evenly over the sorted weights (Han et al. 2016, section 3.2), or drawn far from
    each other (k-means++, Arthur and Vassilvitskii 2007)."""
    if start == "linear":
        return np.asarray(np.linspace(ordered[0], ordered[-1], count))
    if start == "density":
        places = (np.arange(count) + 0.5) / count * ordered.size
        return np.asarray(np.unique(ordered[places.astype(int)]))
    chosen = [float(ordered[rng.integers(ordered.size)])]
    distance = np.square(ordered - chosen[0])
    while len(chosen) < count and distance.sum() > 0:
        chosen.append(float(ordered[rng.choice(ordered.size, p=distance / distance.sum())]))
        distance = np.minimum(distance, np.square(ordered - chosen[-1]))
    return np.sort(np.array(chosen))
