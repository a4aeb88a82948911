"""Tables that are a straight line, rounded and cut off at both ends: computed, which takes no 256 bytes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from edgepack.compile.call import Call, in_place
from edgepack.compile.graph import Data
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.lookup_table import Table

SHIFT = 16  # EP_LINE_SHIFT
_FEW = 512  # elements: for so many 256 bytes weigh more than an instruction each


@lru_cache(maxsize=64)
def straight_line(results: bytes) -> tuple[int, int] | None:
    """Slope and height, times 2^16, of a line that gives all 256 results (int8, for -128 to 127); None if there is none.

    A result y between the smallest and the largest asks for y <= slope * x + height < y + 1; these for one of both.
    """
    y = np.frombuffer(results, np.int8).astype(np.int64)
    x = np.arange(-128, 128, dtype=np.int64)
    least, most = int(y.min()), int(y.max())
    inside = np.flatnonzero((y > least) & (y < most))
    if least == most or inside.size < 2:
        return None
    first, last = int(inside[0]), int(inside[-1])
    slopes = (int(y[last] - y[first]) << SHIFT) // (last - first) + _spread(last - first)
    low = np.where(y > least, (y << SHIFT) - slopes[:, None] * x, -(1 << 62)).max(axis=1)
    high = np.where(y < most, ((y + 1) << SHIFT) - slopes[:, None] * x, 1 << 62).min(axis=1) - 1
    good = np.flatnonzero(low <= high)
    if good.size == 0:
        return None
    best = good[np.argmax(high[good] - low[good])]
    slope, height = int(slopes[best]), int((low[best] + high[best]) // 2)
    return (slope, height) if 128 * abs(slope) + abs(height) < 1 << 31 else None


def _spread(columns: int) -> Data:
    """Slopes between which a line may lie whose first and last steps are so many columns apart."""
    reach = (2 << SHIFT) // columns + 1
    return np.unique(np.linspace(-reach, reach, 2049).astype(np.int64))


def _lower(table: Table) -> Call:
    line = straight_line(table.results.tobytes())
    assert line is not None
    return Call(
        kernel="ep_line",
        header="ep_line.h",
        fields={
            "size": table.size,
            "slope": line[0],
            "height": line[1],
            "least": int(table.results.min()),
            "most": int(table.results.max()),
        },
        inputs=(table.input,),
        outputs=(table.output,),
        overlaps=in_place((table.input,), table.output),
    )


def _applies(problem: object) -> bool:
    return isinstance(problem, Table) and straight_line(problem.results.tobytes()) is not None


def _cost(table: Table) -> float:
    """Instructions, estimated: 8 an element; less than a table's where elements are few, for which 256 bytes weigh more."""
    return (4.9 if table.size <= _FEW else 8.0) * table.size


LINE_KERNEL: Kernel[Any] = Kernel("ep_line", _lower, applies=_applies, cost=_cost)
