"""AVERAGE_POOL_2D with the vector extension: kernels/pool_2d/ep_average_pool_mve.h."""

from __future__ import annotations

from edgepack.compile.call import Call
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.pool_2d.generic import Pool2D
from edgepack.compile.operators.shared.chase import chase


def _applies(pool: Pool2D) -> bool:
    """int8, and sums that fit 16 bits."""
    return pool.dtype == "int8" and pool.window < 256


def _lower(pool: Pool2D) -> Call:
    overlaps = chase(pool.walk, pool.input, pool.output) if pool.walk else ()
    return Call(
        "ep_average_pool_mve", "ep_average_pool_mve.h", {"pool": pool.fields}, (pool.input,), (pool.output,), overlaps=overlaps
    )


AVERAGE: Kernel[Pool2D] = Kernel(
    "ep_average_pool_mve", _lower, frozenset({"mve"}), _applies, lambda pool: pool.elements * (8.0 + 0.5 * pool.window)
)
