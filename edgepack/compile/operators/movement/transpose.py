"""TRANSPOSE of any permutation, up to six dimensions.

Reference: reference/transpose.h.
"""

from __future__ import annotations

from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.movement.copying import Axis, Move, element_steps, lower_move, require_movable
from edgepack.compile.operators.site import CONVERT_AGAIN, Site

MAX_RANK = 6


def describe(site: Site) -> Move:
    """Check a TRANSPOSE."""
    source, order, output = site.input(0), site.constant(1), site.output()
    require_movable(site, source, output)
    rank = len(source.shape)
    site.require(1 <= rank <= MAX_RANK, f"is over {rank} dimensions", "Reshape the input to at most 6.")
    axes = [axis + (rank if axis < 0 else 0) for axis in site.integers(1).reshape(-1).tolist()]
    site.require(sorted(axes) == list(range(rank)), "has an order that is no permutation", CONVERT_AGAIN, order)
    site.require_shape(output, [source.shape[axis] for axis in axes])
    steps = element_steps(source.shape)
    return Move(source, output, tuple(Axis(source.shape[axis], steps[axis]) for axis in axes))


TRANSPOSE = Operator(
    "TRANSPOSE", describe, (Kernel("ep_copy_strided", lower_move, cost=lambda move: 5.0 * move.output.elements),)
)
