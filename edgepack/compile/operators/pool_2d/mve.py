"""AVERAGE_POOL_2D with the vector extension: kernels/pool_2d/ep_average_pool_mve.h."""

from __future__ import annotations

from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.pool_2d.generic import Pool2D, counts_margins, pool_call, rounds_up


def _applies(pool: Pool2D) -> bool:
    """int8, and sums that fit 16 bits."""
    return pool.dtype == "int8" and pool.area < 256 and not counts_margins(pool) and not rounds_up(pool)


AVERAGE: Kernel[Pool2D] = Kernel(
    "ep_average_pool_mve",
    lambda pool: pool_call("ep_average_pool_mve", pool),
    frozenset({"mve"}),
    _applies,
    lambda pool: pool.elements * (8.0 + 0.5 * pool.area),
)
