"""How far a metric may be from its true value, given how many examples measured it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from edgepack.sources import Examples

Z = 1.959963984540054
"""The standard normal's 97.5 % quantile: intervals of 95 % confidence."""

_RESAMPLES = 200
_MOST_BYTES = 1 << 28  # a resample copies the outputs


def wilson_interval(right: int, count: int, z: float = Z) -> tuple[float, float]:
    """The interval of a proportion of `right` out of `count` (Wilson 1927).

    It holds near 0 and 1 and for small test sets, where the normal approximation leaves the range. An empty set tells nothing:
    0 to 1.

    >>> [round(bound, 4) for bound in wilson_interval(90, 100)]
    [0.8256, 0.9448]
    """
    if count == 0:
        return 0.0, 1.0
    share, square = right / count, z * z / count
    centre = (share + square / 2) / (1 + square)
    reach = z / (1 + square) * float(np.sqrt(share * (1 - share) / count + square / count / 4))
    return max(0.0, centre - reach), min(1.0, centre + reach)


def bootstrap_interval(
    compute: Callable[[tuple[NDArray[Any], ...], NDArray[Any] | None, tuple[Examples, ...]], float],
    outputs: tuple[NDArray[Any], ...],
    labels: NDArray[Any] | None,
    inputs: tuple[Examples, ...],
) -> tuple[float, float] | None:
    """The 2.5 and 97.5 % percentiles of a metric over 200 seeded resamples of the test set (Efron 1979).

    None where outputs and inputs together are larger than 256 MiB, or a resample has no metric (one class is missing, say).
    """
    from scipy.stats import bootstrap

    from edgepack.ground.errors import EdgepackError
    from edgepack.sources.data.examples import pick

    if sum(array.nbytes for array in (*outputs, *inputs)) > _MOST_BYTES:
        return None

    def of_rows(rows: NDArray[Any]) -> float:
        picked = None if labels is None else labels[rows]
        return compute(tuple(array[rows] for array in outputs), picked, tuple(pick(array, rows) for array in inputs))

    examples = (np.arange(len(outputs[0])),)
    options = {"n_resamples": _RESAMPLES, "batch": 1, "vectorized": False, "method": "percentile"}
    try:
        found = bootstrap(examples, of_rows, **options, random_state=np.random.default_rng(0))
    except (EdgepackError, ValueError):
        return None
    # SciPy's own interval takes 2.5000000000000022 %: the last digit of what was reported before would change.
    low, high = np.percentile(found.bootstrap_distribution, (2.5, 97.5))
    return float(low), float(high)
