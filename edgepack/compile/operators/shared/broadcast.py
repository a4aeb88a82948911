"""Broadcasting of binary operators: the output shape, and the strides with which each operand is read."""

from __future__ import annotations

from collections.abc import Sequence

from edgepack.compile.call import Field
from edgepack.compile.operators.site import Site

RANK = 6


def broadcast_shape(site: Site, first: Sequence[int], second: Sequence[int]) -> tuple[int, ...]:
    """The common shape of two operands (numpy's rule). Raises CompileError EP-704 when there is none."""
    rank = max(len(first), len(second))
    a, b = (1,) * (rank - len(first)) + tuple(first), (1,) * (rank - len(second)) + tuple(second)
    site.require(
        all(x == y or 1 in (x, y) for x, y in zip(a, b, strict=True)) and rank <= RANK,
        f"combines {list(first)} with {list(second)}",
        "Give both operands shapes that broadcast, of at most six dimensions.",
    )
    return tuple(y if x == 1 else x for x, y in zip(a, b, strict=True))


def broadcast_fields(out: Sequence[int], first: Sequence[int], second: Sequence[int]) -> dict[str, Field]:
    """The members of struct ep_broadcast."""

    def strides(shape: Sequence[int]) -> tuple[int, ...]:
        padded = (1,) * (RANK - len(shape)) + tuple(shape)
        result, step = [], 1
        for extent in reversed(padded):
            result.append(0 if extent == 1 else step)
            step *= extent
        return tuple(reversed(result))

    return {"extents": (1,) * (RANK - len(out)) + tuple(out), "stride_1": strides(first), "stride_2": strides(second)}
